"""One line of a dump: the things in it, with text as people typed it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from reddit_mcp.archive.dump.escaping import Thing, is_escaped, unescaped
from reddit_mcp.archive.dump.json_items import has_too_many_values
from reddit_mcp.archive.sqlite.archive_writer import fullname

__all__ = ["Thing", "parsed", "things", "unescaped"]

_NOTHING: Thing = ("", {})
_WRAPPERS = ("response", "data", "posts", "comments", "items")
_KINDS = frozenset({"t1", "t2", "t3", "t5"})
_FULLNAME = re.compile(r"(t[135])_[0-9a-z]{1,13}", re.ASCII)


def things(line: bytes, around: bool | None = None) -> list[Thing]:
    """Every thing in a line, as (kind, data), with text as people typed it.

    Args:
        line: a bare or wrapped thing, a listing, a whole thread, an API's answer.
        around: whether the lines around it are escaped, where they show it.

    Raises:
        ValueError: the line is damaged or holds no thing; the message says which.
    """
    found, _ = parsed(line)
    return [(kind, unescaped(data)) for kind, data in found] if is_escaped(line, found, around) else found


def parsed(line: bytes) -> tuple[list[Thing], int]:
    """The things in a line as they stand there, and how many had no id or name.

    Raises:
        ValueError: the line is damaged or holds no thing; the message says which.
    """
    if has_too_many_values(line):
        raise ValueError("too many values in one line")
    try:
        everything = list(_find(_parse(line)))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    found = [thing for thing in everything if _named(thing)]
    if not found:
        raise ValueError("no Reddit thing in it")
    return found, len(everything) - len(found)


def _parse(line: bytes) -> Any:
    """Damaged text (half an emoji, a broken byte) is no reason to lose the line: the slower parser forgives it."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            return json.loads(line.decode("utf-8", "replace"))
        except ValueError as error:
            raise ValueError("not JSON") from error


def _find(value: Any) -> Iterator[Thing]:
    """The things in a value; what is none, in a list of things, comes as `_NOTHING`."""
    if isinstance(value, list):
        for item in value:
            yield from _find(item) if isinstance(item, dict | list) else (_NOTHING,)
    elif isinstance(value, dict):
        kind, data = value.get("kind"), value.get("data")
        if kind == "Listing" and isinstance(data, dict):
            yield from _find(data.get("children"))
        elif kind in _KINDS and isinstance(data, dict):
            yield from _with_replies(kind, data)
        elif bare := _kind(value):
            yield from _with_replies(bare, value)
        elif inner := next((value[name] for name in _WRAPPERS if isinstance(value.get(name), list)), None):
            yield from _find(inner)
        elif kind != "more":
            yield _NOTHING


def _with_replies(kind: str, data: dict[str, Any]) -> Iterator[Thing]:
    """A thing, and the replies nested in it, which it gives up."""
    replies, comments = data.get("replies"), data.get("comments")
    if kind == "t1" and isinstance(replies, dict | list):
        yield kind, data | {"replies": ""}
        yield from _below(replies, data.get("link_id"))
    elif kind == "t3" and isinstance(comments, list):
        yield kind, {name: value for name, value in data.items() if name != "comments"}
        yield from _below(comments, f"t3_{data.get('id')}")
    else:
        yield kind, data


def _below(replies: Any, post: Any) -> Iterator[Thing]:
    """Comments inside a post or a comment; downloaders leave out whose they are."""
    for kind, data in _find(replies):
        yield kind, ({"link_id": post, **data} if kind == "t1" and post else data)


def _kind(data: dict[str, Any]) -> str | None:
    """What a thing without a wrapper is. Fields come first where a name could be mistaken for a fullname."""
    if "display_name" in data:
        return "t5"
    if data.keys() & {"link_karma", "comment_karma", "is_suspended"}:
        return "t2"
    if match := _FULLNAME.fullmatch(str(data.get("name"))):
        return match[1]
    if "body" in data and data.keys() & {"link_id", "parent_id"}:
        return "t1"
    if "title" in data and data.keys() & {"selftext", "url", "num_comments", "permalink", "domain"}:
        return "t3"
    return None


def _named(thing: Thing) -> bool:
    try:
        return bool(fullname(*thing))
    except ValueError:
        return False
