"""Its parameters: dates in every form, keyword search, limits."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.support.fake_arctic_shift.things import DAY, NOW, Json

Params = dict[str, str]
UNITS = {"year": 365 * DAY, "month": 30 * DAY, "m": 30 * DAY, "day": DAY, "d": DAY, "hour": 3600, "min": 60, "s": 1}
YES = ("true", "1", "yes", "y")
WORDS = ("title", "selftext", "query", "link_flair_text", "body", "author_flair_text")


class Wrong(ValueError):
    """A parameter that it does not take: HTTP 400."""


def date(value: str) -> float:
    """Seconds, milliseconds, ISO 8601 or an offset back from now."""
    if value.isdecimal():
        return int(value) / (1000 if len(value) > 11 else 1)
    if offset := re.fullmatch(r"(\d+)([a-z]+)", value):
        return NOW - int(offset[1]) * UNITS[offset[2]]
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise Wrong("date") from error
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()


def limit(params: Params, default: int = 25, most: int = 100) -> int | None:
    """How many; `auto` is 1,000 here."""
    value = params.get("limit", str(default))
    if value == "auto" and most == 100:
        return 1_000
    if not value.isdecimal() or not 1 <= int(value) <= most:
        raise Wrong("limit")
    return int(value)


def bare(identity: str) -> str:
    """An id without its kind."""
    return identity.rpartition("_")[2]


def chosen(row: Json, params: Params) -> Json:
    """Only the fields asked for."""
    fields = params.get("fields")
    return {name: row[name] for name in fields.split(",") if name in row} if fields else row


def search(rows: Iterable[Json], params: Params, *, inclusive: bool) -> list[Json]:
    """Posts or comments by time; things of one second stay in the order of their arrival, whichever way they go."""
    found = [row for row in rows if all(test(row) for test in _tests(params, inclusive=inclusive))]
    found.sort(key=lambda row: row["created_utc"], reverse=params.get("sort", "desc") == "desc")
    return [chosen(row, params) for row in found[: limit(params)]]


def _parent(row: Json, value: str) -> bool:
    return str(row.get("parent_id")).startswith("t3_") if not value else row.get("parent_id") == f"t1_{bare(value)}"


def _has(row: Json, name: str, value: str) -> bool:
    fields = ("title", "selftext") if name == "query" else (name,)
    text = " ".join(str(row.get(field) or "") for field in fields).lower()
    return all(word.strip('"').lower() in re.findall(r"\w+", text) for word in value.split() if word.strip('"'))


_MATCHERS: dict[str, Callable[[Json, str, str], bool]] = {
    "author": lambda row, name, value: str(row.get(name)).lower() == value.lower(),
    "over_18": lambda row, name, value: bool(row.get(name)) == (value in YES),
    "url": lambda row, name, value: str(row.get(name, "")).startswith(value),
    "link_id": lambda row, name, value: bare(str(row.get(name))) == bare(value),
    "parent_id": lambda row, _, value: _parent(row, value),
}
_LIKE = {"subreddit": "author", "spoiler": "over_18", "crosspost_parent_id": "link_id"}
_PLAIN = ("limit", "sort", "fields", "md2html", "url_exact")


def _tests(params: Params, *, inclusive: bool) -> Iterator[Callable[[Json], bool]]:
    for name, value in params.items():
        if name in ("after", "before"):
            yield partial(_in_time, at=date(value), after=name == "after", inclusive=inclusive)
        elif name in WORDS:
            yield partial(_has, name=name, value=value)
        elif (like := _LIKE.get(name, name)) in _MATCHERS:
            yield partial(_matches, _MATCHERS[like], name, value)
        elif name not in _PLAIN:
            raise Wrong(name)


def _matches(match: Callable[[Json, str, str], bool], name: str, value: str, row: Json) -> bool:
    return match(row, name, value)


def _in_time(row: Json, at: float, *, after: bool, inclusive: bool) -> bool:
    created = float(row["created_utc"])
    return (created > at if after else created < at) or (inclusive and created == at)


def tree(rows: list[Json], link: str, parent: str, most: int) -> list[Any]:
    """Comments nested in the order of their arrival; beyond `most` they are collapsed."""
    left = [most]

    def below(above: str) -> list[Any]:
        children = [row for row in rows if row["parent_id"] == above]
        shown: list[Any] = []
        for row in children:
            if left[0] <= 0:
                ids = [child["id"] for child in children[len(shown) :]]
                return [*shown, {"kind": "more", "data": {"parent_id": above, "children": ids, "count": len(ids)}}]
            left[0] -= 1
            replies = below(f"t1_{row['id']}")
            listing = {"kind": "Listing", "data": {"children": replies}} if replies else ""
            shown.append({"kind": "t1", "data": row | {"replies": listing}})
        return shown

    rows = [row for row in rows if bare(row["link_id"]) == link]
    if not parent:
        return below(f"t3_{link}")
    root = [row for row in rows if row["id"] == parent]
    return [{"kind": "t1", "data": row | {"replies": {"data": {"children": below(f"t1_{parent}")}}}} for row in root]
