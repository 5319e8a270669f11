"""Arctic Shift's objects as Reddit's things.

They are Reddit's own fields with what the second look found in `_meta`. A thing that was deleted or removed between the
two looks is shown as Reddit shows it since: the archive may still have its text, its author no longer wants it read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reddit_mcp.archive.http_api import reddit_json
from reddit_mcp.archive.sqlite.raw_fields import base36, identity, moment, text

Data = dict[str, Any]
DELETED, REMOVED = "[deleted]", "[removed]"
_BY_AUTHOR = ("", "deleted", "author")
_TEXT = {"t3": "selftext", "t1": "body"}


@dataclass(frozen=True, slots=True)
class Item:
    """A post (t3) or comment (t1) with a time and a number of its own."""

    kind: str
    data: Data
    created: int
    number: int

    @property
    def fullname(self) -> str:
        """Its id with the kind before it."""
        return f"{self.kind}_{base36(self.number)}"

    @property
    def place(self) -> tuple[int, str, int]:
        """What orders things by time, and those of one second in a fixed way."""
        return self.created, self.kind, self.number

    def wire(self) -> Data:
        """In the shape of Reddit's listings."""
        return reddit_json.thing((self.kind, self.data))


def items(kind: str, rows: Iterable[Data]) -> list[Item]:
    """The rows that have an id and a time; neither can be told from the rest of a row."""
    found = [Item(kind, data, moment(data.get("created_utc")) or 0, number) for number, data in numbered(kind, rows)]
    return [item for item in found if item.created]


def numbered(kind: str, rows: Iterable[Data]) -> list[tuple[int, Data]]:
    """The rows that have an id, with its number, as Reddit shows them today."""
    found = []
    for row in rows:
        number = identity(row.get("id"))
        if number is not None:
            found.append((number, honoured(kind, {**row, "id": base36(number)})))
    return found


def honoured(kind: str, data: Data) -> Data:
    """The thing without a text that was taken down after the first look."""
    meta = data.pop("_meta", None)
    meta = meta if isinstance(meta, dict) else {}
    reason = text(meta.get("removal_type"))
    if kind == "t3" and reason:
        data["removed_by_category"] = data.get("removed_by_category") or reason
    if meta.get("was_deleted_later") is not True:
        return data
    if reason in _BY_AUTHOR:
        return data | {_TEXT[kind]: DELETED, "author": DELETED, "author_fullname": None}
    return data | {_TEXT[kind]: REMOVED}
