"""Pages of things by time, newest first, of one or of several questions merged: none lost, none twice.

Arctic Shift pages by time alone, up to 100 things a request, and promises no order among things of one second.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reddit_mcp.upstream.arctic_shift.client import arctic_failures
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Asking
from reddit_mcp.upstream.arctic_shift.client.arctic_failures import Refused
from reddit_mcp.upstream.arctic_shift.client.page_cursor import Position
from reddit_mcp.upstream.arctic_shift.client.time_span import DAY, Span
from reddit_mcp.upstream.arctic_shift.questions.arctic_things import Item, items

MOST = 100
"""Things that it gives at once by a number."""

PATHS = {"t3": "/api/posts/search", "t1": "/api/comments/search"}
Keep = Callable[[Item], bool]


@dataclass(frozen=True, slots=True)
class Feed:
    """A question for posts (t3) or comments (t1); `words` says whether it looks for words, which it may refuse."""

    kind: str
    params: dict[str, str] = field(default_factory=dict)
    words: bool = False

    async def ask(self, asking: Asking, span: Span, limit: object, sort: str = "desc") -> list[Item]:
        """One request.

        Raises:
            Refused: it gave up.
        """
        params = {**self.params, **span.params(), "limit": limit, "sort": sort}
        return items(self.kind, await asking.rows_once(PATHS[self.kind], **params))


@dataclass(frozen=True, slots=True)
class Page:
    """Things newest first, where the next page begins, and how many days could be searched if not all of them."""

    items: tuple[Item, ...]
    next: Position | None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one feed gave; it may have more below the time `floor`."""

    items: list[Item]
    floor: int | None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Pager:
    """Reads pages of some feeds within a span; `now` bounds the time where the span does not."""

    asking: Asking
    feeds: Sequence[Feed]
    span: Span
    now: int
    keep: Keep = lambda _: True

    async def page(self, at: Position | None, limit: int) -> Page:
        """The next `limit` things after a position."""
        until = self.span.until if at is None else at.second + 1
        span = Span(self.span.since, until)
        size = min(MOST, limit + 1 + (len(at.seen) if at else 0))
        read = [await self._read(feed, span, size) for feed in self.feeds]
        floor = max((each.floor for each in read if each.floor is not None), default=None)
        days = min((each.days for each in read if each.days is not None), default=None)
        found = self._fresh([item for each in read for item in each.items], at)
        known = [item for item in found if floor is None or item.created >= floor]
        if not known and floor is not None:
            if days is None or any(item.created == floor for each in read for item in each.items):
                return await self._crowded(at or Position(floor), limit)
            return Page((), Position(floor - 1), days)
        return await self._cut(known, at, limit, more=floor is not None, days=days)

    async def _read(self, feed: Feed, span: Span, size: int) -> _Reading:
        try:
            return _reading(await feed.ask(self.asking, span, size), size)
        except Refused as refused:
            first = refused
        permanent = feed.words and not first.timed_out
        narrower = span.narrower(self.now)
        for narrow in narrower if permanent else narrower[:1]:
            try:
                found = _reading(await feed.ask(self.asking, narrow, size), size)
            except Refused:
                continue
            end = self.now if narrow.until is None else min(narrow.until, self.now)
            days = max(1, round((end - (narrow.since or 0)) / DAY))
            return _Reading(found.items, narrow.since if found.floor is None else found.floor, days)
        if permanent:
            raise arctic_failures.not_offered(_TOO_ACTIVE)
        raise arctic_failures.overloaded(first.status)

    def _fresh(self, read: Sequence[Item], at: Position | None) -> list[Item]:
        unique = {item.fullname: item for item in read if self.span.holds(item.created)}
        fresh = [item for item in unique.values() if at is None or not at.shown(item)]
        return sorted(fresh, key=lambda item: item.place, reverse=True)

    async def _cut(self, known: list[Item], at: Position | None, limit: int, *, more: bool, days: int | None) -> Page:
        """The first `limit` that are kept; a second that no cursor can tell apart waits for the next page."""
        kept, read = self._first(known, limit)
        if read == len(known) and not more:
            return Page(tuple(kept), None, days)
        second = known[read - 1].created
        shown = {item.fullname for item in known[:read] if item.created == second}
        earlier = at.seen if at and at.second == second else frozenset()
        end = Position(second, earlier | shown, at.through if at and at.second == second else None)
        if end.fits:
            return Page(tuple(kept), end, days)
        above = [item for item in kept if item.created > second]
        if above:
            return Page(tuple(above), Position(second), days)
        return await self._crowded(at if at and at.second == second else Position(second), limit)

    def _first(self, known: Sequence[Item], limit: int) -> tuple[list[Item], int]:
        kept: list[Item] = []
        for read, item in enumerate(known):
            if len(kept) == limit:
                return kept, read
            if self.keep(item):
                kept.append(item)
        return kept, len(known)

    async def _crowded(self, at: Position, limit: int) -> Page:
        """A page within one second that holds more than a request gives; `auto` gives up to 1,000."""
        second = Span(at.second, at.second + 1)
        try:
            read = [item for feed in self.feeds for item in await feed.ask(self.asking, second, "auto")]
        except Refused as refused:
            raise arctic_failures.overloaded(refused.status) from refused
        left = [item for item in self._fresh(read, at) if item.created == at.second]
        kept, count = self._first(left, limit)
        if count < len(left):
            return Page(tuple(kept), Position(at.second, at.seen, left[count - 1].fullname))
        return Page(tuple(kept), Position(at.second - 1))


_TOO_ACTIVE = (
    "Arctic Shift does not search words in communities or accounts as active as this one; browse its newest posts "
    "with get_subreddit_posts, sort new, or search a smaller community, or one author (author:name), instead."
)


def _reading(found: list[Item], size: int) -> _Reading:
    full = len(found) >= size
    return _Reading(found, min(item.created for item in found) if full else None)
