"""What an answer looks like to a model, kept beside the cached answer in the form that is sent."""

from collections.abc import Callable, Hashable
from typing import Any

import orjson

from reddit_mcp.tools.results.answer_size import bounded
from reddit_mcp.upstream.source import Answer

Json = dict[str, Any]
Say = Callable[[str], None]

MOST_VIEWS = 4
"""Forms kept of one answer, such as concise and full."""


class Rendered(Json):
    """Content that is written as JSON already; whoever changes it must not hand it on as this.

    Attributes:
        json: the same as JSON.
    """

    __slots__ = ("json",)

    def __init__(self, json: bytes) -> None:
        super().__init__(orjson.loads(json))
        self.json = json


def rendered(answer: Answer[Any], view: Hashable, say: Say, make: Callable[[Say], Json]) -> Json:
    """The content that `make` draws from an answer, drawn once for each view of a cached answer.

    Args:
        answer: what is shown.
        view: all that decides the content beside the answer's value.
        say: takes a sentence for the answer's notice.
        make: draws the content, and may say something of it.
    """
    if answer.views is None:
        return make(say)
    if view not in answer.views:
        if len(answer.views) >= MOST_VIEWS:
            answer.views.clear()
        answer.views[view] = _drawn(make)
    json, remarks = answer.views[view]
    for remark in remarks:
        say(remark)
    return Rendered(json)


def _drawn(make: Callable[[Say], Json]) -> tuple[bytes, tuple[str, ...]]:
    remarks: list[str] = []
    content = make(remarks.append)
    return bounded(content), tuple(remarks)
