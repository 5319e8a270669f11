"""`since` and `until` as people write them: a date, a time, or seconds since 1970."""

import re
from datetime import UTC, datetime

from reddit_mcp.tools.declaration.argument_errors import argument_error
from reddit_mcp.upstream.client import TimeRange

FORMS = "an ISO 8601 date or time such as 2025-03-01 or 2025-03-01T12:00Z, or seconds since 1970"
_SECONDS = re.compile(r"\d{9,10}(?:\.\d{1,9})?", re.ASCII)  # fewer digits are the date 20250301, or no time of Reddit's
_LATEST = 10**10  # seconds; a source takes no more digits
_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)


def bounds(since: str, until: str) -> TimeRange:
    """Both as seconds since 1970; "" is open. A time without a zone is UTC, a date alone its first second.

    Raises:
        InvalidInput: one is no time, or `since` is not before `until`.
    """
    start, end = _moment("since", since), _moment("until", until)
    if start is not None and end is not None and start >= end:
        raise argument_error("since", "must be before until", FORMS)
    return start, end


def _moment(field: str, text: str) -> int | None:
    if not text:
        return None
    found = int(float(text)) if _SECONDS.fullmatch(text) else _parsed(text)
    if found is None or not 0 < found < _LATEST:
        raise argument_error(field, "is not a time", FORMS)
    return found


def _parsed(text: str) -> int | None:
    """ISO 8601; a month is its first day."""
    try:
        moment = datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        return None
