"""Everything that a community, or an account, posted in a stretch of time, oldest first, each thing once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from reddit_mcp.upstream.arctic_shift.client import arctic_failures
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Asking
from reddit_mcp.upstream.arctic_shift.client.arctic_failures import Refused
from reddit_mcp.upstream.arctic_shift.client.arctic_pages import MOST, Feed
from reddit_mcp.upstream.arctic_shift.client.time_span import Span
from reddit_mcp.upstream.arctic_shift.questions.arctic_things import Item

_FEWER = 25


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some things in order, and how to go on after them: the last second and what of it has been given.

    A walk that ended is resumed with `Walk(..., Span(second, until), seen=seen)`.
    """

    items: tuple[Item, ...]
    second: int
    seen: frozenset[str]


class Walk:
    """An iteration over a feed.

    Args:
        asking: sends the requests, the first of them free of a token.
        feed: what is asked for, such as the posts of a community.
        span: from when to when; `until` should be set, for things go on arriving.
        seen: fullnames of the first second that are known already.
    """

    def __init__(self, asking: Asking, feed: Feed, span: Span, seen: frozenset[str] = frozenset()) -> None:
        self._asking = asking
        self._feed = feed
        self._span = span
        self._second = span.since or 0
        self._seen = seen

    async def __aiter__(self) -> AsyncIterator[Stretch]:
        """Ask on until nothing new comes; a short page is no end, for what was deleted is missing from it.

        Raises:
            Failure: as `Asking.get`; what was given before stays given.
        """
        while True:
            found, full = await self._ask()
            fresh = self._fresh(found)
            if fresh:
                yield self._advance(fresh)
            elif full:
                async for stretch in self._crowded():
                    yield stretch
            else:
                return

    async def _ask(self) -> tuple[list[Item], bool]:
        span = Span(self._second, self._span.until)
        try:
            return await self._page(span, MOST)
        except Refused:  # fewer at once may be answered, says its documentation
            pass
        try:
            return await self._page(span, _FEWER)
        except Refused as refused:
            raise arctic_failures.overloaded(refused.status) from refused

    async def _page(self, span: Span, size: int) -> tuple[list[Item], bool]:
        found = await self._feed.ask(self._asking, span, size, "asc")
        return found, len(found) >= size

    async def _crowded(self) -> AsyncIterator[Stretch]:
        """The rest of a second that holds more than a page."""
        try:
            found = await self._feed.ask(self._asking, Span(self._second, self._second + 1), "auto", "asc")
        except Refused as refused:
            raise arctic_failures.overloaded(refused.status) from refused
        if any(abs(item.created - self._second) > 1 for item in found):
            raise arctic_failures.broken(200)  # it does not keep to the time asked for: there would be no end
        fresh = [item for item in self._fresh(found) if item.created == self._second]
        self._second, self._seen = self._second + 1, frozenset()
        if fresh:
            yield Stretch(tuple(fresh), self._second, self._seen)

    def _fresh(self, found: list[Item]) -> list[Item]:
        unique = {item.fullname: item for item in found if item.created >= self._second}
        fresh = [item for name, item in unique.items() if name not in self._seen and self._span.holds(item.created)]
        return sorted(fresh, key=lambda item: item.place)

    def _advance(self, fresh: list[Item]) -> Stretch:
        last = fresh[-1].created
        earlier = self._seen if last == self._second else frozenset()
        self._second, self._seen = last, earlier | {item.fullname for item in fresh if item.created == last}
        return Stretch(tuple(fresh), self._second, self._seen)
