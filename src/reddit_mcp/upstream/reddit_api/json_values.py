"""Single values of Reddit's JSON, where anything may be missing, null or of another type than last year."""

from typing import Any

from reddit_mcp.upstream.reddit_api.text import untrusted_text

WEB = "https://www.reddit.com"
Fields = dict[str, Any]


def text(value: Any) -> str:
    """What was written, without halves of surrogate pairs (JSON can spell them, UTF-8 cannot) and hidden characters."""
    if not isinstance(value, str):
        return ""
    return untrusted_text.clean(value.encode(errors="replace").decode())


def number(value: Any) -> float | None:
    """A finite number of a sane size."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if abs(found) < 1e15 else None  # noqa: PLR2004 - neither a count nor a time; catches nan and inf


def integer(value: Any) -> int | None:
    """A whole number."""
    found = number(value)
    return None if found is None else int(found)


def moment(value: Any) -> int | None:
    """Seconds since 1970; None of `true` and `false`, which some of Reddit's times are."""
    return None if isinstance(value, bool) else integer(value)


def link(value: Any) -> str:
    """A web address; Reddit leaves its own host out."""
    path = text(value)
    return untrusted_text.address(WEB + path if path.startswith("/") else path)


def media(value: Any) -> str:
    """The address of a picture or a film, which Reddit escapes even where it escapes nothing else."""
    return link(value.replace("&amp;", "&")) if isinstance(value, str) else ""


def inner(data: Any, *names: str) -> Any:
    """What stands below these names; None where one of them is missing."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def bare(fullname: Any) -> str:
    """An id without its kind."""
    return text(fullname).rpartition("_")[2]
