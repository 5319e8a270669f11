"""Where a page of a listing by time ended, as the cursor that a caller hands back.

A time alone would lose or repeat things that share its second. So a position names the second, and what of it has been
shown: a few things by their ids, and where a second holds very many, all down to one id.
"""

import re
from dataclasses import dataclass

from reddit_mcp.archive.sqlite.raw_fields import base36
from reddit_mcp.errors import InvalidInput
from reddit_mcp.upstream.arctic_shift.questions.arctic_things import Item

LONGEST = 100
"""Characters of a cursor: the tools take no more."""

_ID = r"t[13]_[0-9a-z]{1,13}"
_CURSOR = re.compile(rf"a([0-9a-z]{{1,9}})(?:--({_ID}))?((?:-{_ID})*)", re.ASCII)
_RANKED = re.compile(r"r([0-9a-z]{1,9})-([0-9]{1,4})", re.ASCII)
_ROOM = LONGEST - len("--t3_0123456789abc")


def _key(fullname: str) -> tuple[str, int]:
    return fullname[:2], int(fullname[3:], 36)


@dataclass(frozen=True, slots=True)
class Position:
    """All before `second` (newer) is shown; of the second itself what `seen` names, and all from `through` up."""

    second: int
    seen: frozenset[str] = frozenset()
    through: str | None = None

    def shown(self, item: Item) -> bool:
        """Whether an earlier page had it."""
        if item.created != self.second:
            return item.created > self.second
        down = self.through is not None and (item.kind, item.number) >= _key(self.through)
        return down or item.fullname in self.seen

    @property
    def fits(self) -> bool:
        """Whether its cursor is short enough."""
        return len(Position(self.second, self.seen).cursor) <= _ROOM

    @property
    def cursor(self) -> str:
        """As text."""
        through = f"--{self.through}" if self.through else ""
        return f"a{base36(self.second)}{through}" + "".join(f"-{name}" for name in sorted(self.seen))


@dataclass(frozen=True, slots=True)
class Rank:
    """How far a ranked listing was shown, and the time at which its first page was ranked."""

    until: int
    offset: int

    @property
    def cursor(self) -> str:
        """As text."""
        return f"r{base36(self.until)}-{self.offset}"


def position(cursor: str) -> Position | None:
    """The position that a cursor holds; None for one that is not of this kind."""
    match = _CURSOR.fullmatch(cursor)
    if match is None or len(cursor) > LONGEST:
        return None
    return Position(int(match[1], 36), frozenset(filter(None, match[3].split("-"))), match[2])


def rank(cursor: str) -> Rank | None:
    """The place in a ranked listing that a cursor holds."""
    match = _RANKED.fullmatch(cursor)
    return Rank(int(match[1], 36), int(match[2])) if match else None


def unknown() -> InvalidInput:
    """A cursor that this source has not given."""
    issue = {"field": "after", "message": "is not a cursor of this listing", "allowed": "`after` of the page before"}
    return InvalidInput("after is not a cursor of this listing; leave it out to begin anew.", issues=[issue])
