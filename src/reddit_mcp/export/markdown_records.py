"""Records as Markdown that a person reads: posts and comments with their text quoted, anything else as an outline.

Strangers' text stays as it was typed, but for elements of HTML, which would be run or hidden by some viewers.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

MEANING = re.compile(r"[\\`*\[\]<>|#~]|\b_|_\b")
ELEMENT = re.compile(r"<(?=[a-zA-Z/!?])")
ADDRESS = re.compile(r"https?://[^\s<>]+")

UNSAID: tuple[object, ...] = (None, "", (), [], {})

NAMES = ("username", "name", "title", "keyword", "label", "watch_id")
"""What an entry is called, the first that it has."""

BESIDE = "url crosspost_of video_url gallery poll link_flair_text removed truncated collapsed_reason".split()
"""What is told of a post or comment below its text."""


def heading(tool: str, arguments: Json) -> str:
    """What the file answers."""
    asked = "".join(f"- {name}: {_value(value)}\n" for name, value in arguments.items())
    return f"# {_value(tool)}\n\n{asked}\n" if asked else f"# {_value(tool)}\n\n"


def markdown(record: Json, level: int = 0) -> str:
    """The entry of a record; a reply stands `level` steps below the comment at the top of its thread."""
    indent = "  " * level
    if "selftext" in record or "body" in record:
        quoted = [*_quoted(record.get("selftext") or record.get("body", ""))]
        beside = [*_outline({name: record[name] for name in BESIDE if name in record})]
        return _entry(_facts(record), [*quoted, *([""] if quoted and beside else []), *beside], indent)
    name = next((_value(record[each]) for each in NAMES if record.get(each)), "")
    rest = {each: value for each, value in record.items() if each != "type"}
    return _entry(f"**{record['type']}** {name}".rstrip(), [*_outline(rest)], indent)


def _entry(facts: str, lines: list[str], indent: str) -> str:
    return "".join(f"{indent}{line}".rstrip() + "\n" for line in (f"- {facts}", *(f"  {line}" for line in lines), ""))


def _facts(item: Json) -> str:
    """Who wrote it, where and when, and what came of it."""
    parts = [
        _title(item),
        f"r/{_value(item['subreddit'])}" if item.get("subreddit") else "",
        f"u/{_value(item['author'])}" if item.get("author") else "",
        *(f"{item[name]} {what}" for name, what in COUNTS.items() if item.get(name) is not None),
        _moment(item.get("created_utc")),
    ]
    return " · ".join(filter(None, parts))


COUNTS = {"score": "points", "num_comments": "comments"}


def _title(item: Json) -> str:
    """A post's title; of a comment found by itself, that of its post."""
    title = _value(item.get("title") or item.get("post", {}).get("title", ""))
    address = item.get("permalink")
    return f"**[{title or 'comment'}](<{address}>)**" if address else f"**{title}**" if title else ""


def _moment(seconds: int | None) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC" if seconds is not None else ""


def _quoted(text: str) -> Iterator[str]:
    return (f"> {ELEMENT.sub('&lt;', line)}" for line in text.splitlines())


def _outline(value: Any) -> Iterator[str]:
    """Nested values as nested lists."""
    for name, each in value.items() if isinstance(value, dict) else (("", each) for each in value):
        label = f"- {_value(name)}:" if name else "-"
        if isinstance(each, dict | list | tuple) and each:
            yield label
            yield from (f"  {line}" for line in _outline(each))
        else:
            yield f"{label} {'none' if each in UNSAID else _value(each)}"


def _value(value: Any) -> str:
    """One line of text that means itself."""
    text = str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())
    return f"<{text}>" if ADDRESS.fullmatch(text) else MEANING.sub(r"\\\g<0>", text)
