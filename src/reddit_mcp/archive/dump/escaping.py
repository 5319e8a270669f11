"""Whether Reddit escaped the text of a dump, and undoing it once.

Reddit escapes & < > in every string unless asked with raw_json=1 (its API page: "response body encoding"), so a dump is
escaped in all fields or in none. Where a line itself shows which, that counts; else what the lines around it in the
same file show; else text that has entities, and nothing that escaping would have changed, was escaped.
"""

import re
from collections.abc import Iterable
from typing import Any

Thing = tuple[str, dict[str, Any]]

_ESCAPED = re.compile(
    rb'_html"\s*:\s*"(?:&|\\u0026)lt;'
    rb'|"(?:url|u|thumbnail|fallback_url)"\s*:\s*"[^"\\]*\?(?:[^"\\]|\\.)*(?:&|\\u0026)amp;\w+='
)
"""Reddit's HTML fields, and addresses with several parameters."""

_RAW = re.compile(rb'_html"\s*:\s*"(?:<|\\u003[cC])|"(?:url|u)"\s*:\s*"[^"\\]*\?[^"\\]*&(?!amp;)\w+=')
_MARKS = (b"amp;", b"lt;", b"gt;")  # no line is escaped without one, and most have none
_ENTITY = re.compile(r"&(?:amp|lt|gt);")
_NEVER_ESCAPED = re.compile(r"[<>]|&(?!(?:amp|lt|gt);)")
_TYPED = (
    "title selftext body url link_flair_text author_flair_text description public_description submit_text permalink"
).split()


def unescaped(value: Any) -> Any:
    """The value with & < > in all its texts as people typed them."""
    if isinstance(value, str):
        return value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in value else value
    if isinstance(value, list):
        return [unescaped(item) for item in value]
    if isinstance(value, dict):
        return {key: unescaped(item) for key, item in value.items()}
    return value


def told_by(line: bytes, found: Iterable[Thing]) -> bool | None:
    """Whether a line shows that it is escaped (True) or not (False); None where it shows neither."""
    if _ESCAPED.search(line):
        return True
    if _RAW.search(line) or _NEVER_ESCAPED.search(_typed(found)):
        return False
    return None


def is_escaped(line: bytes, found: list[Thing], around: bool | None = None) -> bool:
    """Whether a line is escaped.

    Args:
        line: as it stands in the file.
        found: the things in it.
        around: what the lines around it show.
    """
    if not any(mark in line for mark in _MARKS):
        return False
    told = told_by(line, found)
    if told is not None:
        return told
    return around is not False and bool(_ENTITY.search(_typed(found)))


def majority(told: Iterable[bool | None]) -> bool | None:
    """What most of the lines show that show anything."""
    votes = [each for each in told if each is not None]
    return sum(votes) * 2 > len(votes) if votes else None


def _typed(found: Iterable[Thing]) -> str:
    return " ".join(str(data.get(field) or "") for _, data in found for field in _TYPED)
