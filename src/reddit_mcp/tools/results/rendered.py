"""What an answer looks like to a model, kept beside the cached answer in the form that is sent."""

from collections.abc import Callable, Hashable
from typing import Any

import orjson

from reddit_mcp.upstream.source import Answer

Json = dict[str, Any]

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


def rendered(answer: Answer[Any], view: Hashable, make: Callable[[], Json]) -> Json:
    """The content that `make` draws from an answer, drawn once for each view of a cached answer.

    Args:
        answer: what is shown.
        view: all that decides the content beside the answer's value.
        make: draws it.
    """
    if answer.views is None:
        return make()
    if view not in answer.views:
        if len(answer.views) >= MOST_VIEWS:
            answer.views.clear()
        answer.views[view] = orjson.dumps(make())
    return Rendered(answer.views[view])
