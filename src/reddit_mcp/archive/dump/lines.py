"""One line of a dump: the things in it, with text as people typed it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from reddit_mcp.archive.writer import fullname

Thing = tuple[str, dict[str, Any]]
_KINDS = frozenset({"t1", "t2", "t3", "t5"})
_FULLNAME = re.compile(r"(t[135])_[0-9a-z]{1,13}", re.ASCII)
# Reddit escapes & < > in every string unless asked with raw_json=1; its HTML fields and signed image URLs show which.
# (https://praw.readthedocs.io and Reddit's API page: "response body encoding".)
_ESCAPED = re.compile(
    rb'_html"\s*:\s*"(?:&|\\u0026)lt;'
    rb'|"(?:url|u)"\s*:\s*"(?:[^"\\]|\\.)*(?:&|\\u0026)amp;s='
)
_MARKS = (b"amp;", b"lt;", b"gt;")  # no line is escaped without one, and most have none
_RAW = re.compile(rb'_html"\s*:\s*"(?:<|\\u003[cC])')
_ENTITY = re.compile(r"&(?:amp|lt|gt);")
_NEVER_ESCAPED = re.compile(r"[<>]|&(?!(?:amp|lt|gt);)")
_TYPED = ("title", "selftext", "body")


def things(line: bytes) -> list[Thing]:
    """Every thing in a line, as (kind, data): a bare or wrapped one, a listing, or a whole thread.

    Raises:
        ValueError: the line is damaged or holds no thing; the message says which.
    """
    try:
        found = [thing for thing in _find(_parse(line)) if _named(thing)]
        if not found:
            raise ValueError("no Reddit thing in it")
        return [(kind, unescaped(data)) for kind, data in found] if _escaped(line, found) else found
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def unescaped(value: Any) -> Any:
    """The value with & < > in all its texts as people typed them."""
    if isinstance(value, str):
        return value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in value else value
    if isinstance(value, list):
        return [unescaped(item) for item in value]
    if isinstance(value, dict):
        return {key: unescaped(item) for key, item in value.items()}
    return value


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
    if isinstance(value, list):
        for item in value:
            yield from _find(item)
    elif isinstance(value, dict):
        kind, data = value.get("kind"), value.get("data")
        if kind == "Listing" and isinstance(data, dict):
            yield from _find(data.get("children"))
        elif kind in _KINDS and isinstance(data, dict):
            yield from _with_replies(kind, data)
        elif isinstance(value.get("response"), list):
            yield from _find(value["response"])
        elif bare := _kind(value):
            yield from _with_replies(bare, value)


def _with_replies(kind: str, data: dict[str, Any]) -> Iterator[Thing]:
    """A thing, and the replies nested in it, which it gives up."""
    replies = data.get("replies")
    if kind == "t1" and isinstance(replies, dict):
        yield kind, data | {"replies": ""}
        yield from _find(replies)
    else:
        yield kind, data


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


def _escaped(line: bytes, found: list[Thing]) -> bool:
    """Whether Reddit escaped this line's text.

    The monthly dumps carry neither sign for most lines, but are recorded escaped: there, text with entities and without
    anything that escaping would have changed tells.
    """
    if not any(mark in line for mark in _MARKS):
        return False
    if _ESCAPED.search(line):
        return True
    if _RAW.search(line):
        return False
    typed = " ".join(str(data.get(field, "")) for _, data in found for field in _TYPED)
    return bool(_ENTITY.search(typed)) and not _NEVER_ESCAPED.search(typed)
