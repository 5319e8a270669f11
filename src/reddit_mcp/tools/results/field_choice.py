"""The fields that a caller asked for, and no others: what is not sent costs nothing."""

import difflib
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from reddit_mcp.analysis.prose import cut
from reddit_mcp.models import Comment, Post, Rule, Subreddit, User
from reddit_mcp.tools.results.compact_view import LONGEST_TEXT

Json = dict[str, Any]

_TREND = "keyword mentions growth_rate sentiment top_subreddits sample_posts".split()
_MOOD = "label confidence distribution theme text".split()
_MODELS = (Post, Comment, User, Subreddit, Rule)
KNOWN = {"type", "replies", "post", *_TREND, *_MOOD}.union(*(model.model_fields for model in _MODELS))
"""Names of the fields that an item of some answer has."""

_TEXTS = ("selftext", "body")


def _known(names: list[str]) -> list[str]:
    for name in names:
        if name not in KNOWN:
            near = difflib.get_close_matches(name[:40], KNOWN, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise PydanticCustomError("field", "has no field {name}{hint}", {"name": repr(name[:40]), "hint": hint})
    return names


Fields = Annotated[
    list[Annotated[str, Field(max_length=30)]],
    Field(max_length=30, description="Only these fields"),
    AfterValidator(_known),
]


def chosen(answer: Json, names: list[str], *, shorten: bool) -> Json:
    """The answer with these fields alone in its items; one without any of them stays as it is.

    A tree keeps its `replies`, a cut text its `truncated`. `shorten` cuts long texts as concise answers do.
    """
    wanted = set(names)
    return {name: _choose(value, wanted, shorten=shorten) for name, value in answer.items()}


def _choose(value: Any, wanted: set[str], *, shorten: bool) -> Any:
    if isinstance(value, list):
        return [_choose(each, wanted, shorten=shorten) for each in value]
    if not isinstance(value, dict) or not wanted & value.keys():
        return value
    kept = {name: each for name, each in value.items() if name in wanted}
    if value.get("replies"):
        kept["replies"] = _choose(value["replies"], wanted, shorten=shorten)
    was_cut = value.get("truncated", False)
    for name in _TEXTS if shorten else ():
        if name in kept:
            kept[name], shortened = cut(kept[name], LONGEST_TEXT)
            was_cut |= shortened
    if was_cut and wanted & {*_TEXTS, "title"}:
        kept["truncated"] = True
    return kept
