"""The items of answers as records: flat lists of objects, each with its `type`, trees of comments in reading order."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

FOUND = {"posts": "post", "comments": "comment", "communities": "community"}
"""What a search's `kind` makes of its results."""

HISTORY = {"posts": ("user", "post"), "comments": ("user", "comment"), "all": ("user", "post", "comment")}
"""What a user's `include` brings."""

LISTS = {
    "posts": "post",
    "comments": "comment",
    "trending_topics": "topic",
    "watches": "watch",
    "matches": "match",
}
OBJECTS = ("user", "post", "activity", "watch")
"""What an answer is about: the same on all its pages."""


def types(tool: str, arguments: Json) -> tuple[str, ...]:
    """Of which types the records of further pages may be; none where the answer has one page."""
    match tool:
        case "search_reddit":
            return (FOUND[_word(arguments, "kind", "posts")],)
        case "get_subreddit_posts":
            return ("post",)
        case "get_user_info":
            return HISTORY.get(_word(arguments, "include", ""), ())
        case "watch_keywords":
            return ("match",) if _word(arguments, "action", "") == "matches" else ()
    return ()


def _word(arguments: Json, name: str, default: str) -> str:
    """An argument that is one of a few words, as the tools understand it."""
    return str(arguments.get(name) or default).strip().casefold()


def records(tool: str, arguments: Json, answer: Json, *, first: bool) -> Iterator[Json]:
    """The records of one page of a tool's answer; what the answer is about comes with the first page."""
    match tool:
        case "analyze_sentiment":
            yield {"type": "sentiment", **_content(answer)}
        case "get_subreddit_info":
            content = _content(answer)
            yield {"type": "community", **content.pop("subreddit"), **content}
        case "search_reddit":
            yield from _items(FOUND[_word(arguments, "kind", "posts")], answer["results"])
        case _:
            yield from _parts(answer, first=first)


def _content(answer: Json) -> Json:
    return {name: value for name, value in answer.items() if name != "metadata"}


def _parts(answer: Json, *, first: bool) -> Iterator[Json]:
    for name in OBJECTS:
        if first and name in answer:
            yield {"type": name, **answer[name]}
    for name, kind in LISTS.items():
        yield from _items(kind, answer.get(name, []))


def _items(kind: str, items: list[Json]) -> Iterator[Json]:
    """Items and, below each, its replies: these name the comment that they answer."""
    left = [(item, Json()) for item in reversed(items)]
    while left:
        item, above = left.pop()
        yield {"type": kind, **above, **{name: value for name, value in item.items() if name != "replies"}}
        below = {"parent_id": f"t1_{item['id']}"} if "id" in item else {}
        left += [(reply, below) for reply in reversed(item.get("replies", []))]
