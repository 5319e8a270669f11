"""Reading the fields of twenty years of Reddit JSON, where anything may be missing, null or of another type."""

import math
import re
from typing import Any

GONE = frozenset({"", "[deleted]", "[removed]"})
_LARGEST = 2**63 - 1
_EARLIEST = 1_104_537_600  # 2005, the year Reddit began
_LATEST = 4_102_444_800  # 2100: a later time is a damaged line
_FULLNAME = re.compile(r"(?:t[1-6]_)?([0-9a-z]{1,13})", re.ASCII | re.IGNORECASE)
_LONGEST_DIGITS = 10**7  # more digits than any id made of digits alone has


def whole(value: Any) -> int | None:
    """A number, written as a number or a string, as an integer of 64 bits at most."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
        result = value if isinstance(value, int) else int(number)
    except (TypeError, ValueError, OverflowError):
        return None
    return result if abs(result) <= _LARGEST else None


def ratio(value: Any) -> float | None:
    """A share between 0 and 1."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 <= number <= 1 else None


def moment(value: Any) -> int | None:
    """A time in seconds since 1970, if Reddit existed then."""
    seconds = whole(value)
    return seconds if seconds is not None and _EARLIEST <= seconds < _LATEST else None


def flag(value: Any) -> bool:
    """A yes, in any of the ways dumps write it."""
    return value is True or value in (1, "true", "True")


def text(value: Any) -> str:
    """A string that UTF-8 can carry (a name such as 2048 may have become a number), or nothing."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return str(whole(value)) if isinstance(value, int) and whole(value) is not None else ""


def base36(number: int) -> str:
    """An id as Reddit writes it."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


def identity(value: Any) -> int | None:
    """The number of an id or a fullname.

    Tools have turned ids made of digits into JSON numbers ("id": 87 is the id "87"), and Pushshift's last version wrote
    parents as decimal numbers; the size tells them apart.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = whole(value)
        if number is None or number < 0:
            return None
        return number if number >= _LONGEST_DIGITS else int(str(number), 36)
    match = _FULLNAME.fullmatch(value.strip()) if isinstance(value, str) else None
    number = int(match[1], 36) if match else None
    return number if number is not None and number <= _LARGEST else None


def account(data: dict[str, Any]) -> str | None:
    """The author's name, or None when the account is gone or was not recorded."""
    name = text(data.get("author")).strip()
    return None if name in GONE else name[:64]


def community(data: dict[str, Any]) -> str | None:
    """The name of the community, from the permalink if need be."""
    name = text(data.get("subreddit")).strip()
    if not name:
        parts = text(data.get("permalink")).split("/")
        name = parts[2] if len(parts) > 2 and parts[1] == "r" else ""  # noqa: PLR2004 - /r/NAME/
    return name[:64] if name and "/" not in name else None
