"""All circuit breakers of a process, by name: reddit, its token endpoint, every other upstream."""

import asyncio
import time

from reddit_mcp.errors import NotFound, Unavailable
from reddit_mcp.reddit.breaker import Breaker
from reddit_mcp.reddit.circuit import BreakerRules, Clock
from reddit_mcp.storage.breaker_report import Report
from reddit_mcp.storage.breakers import BreakerRoom
from reddit_mcp.storage.connection import Store


class Breakers:
    """The breakers of one process, by name; what an operator sees of them and of every other replica's."""

    def __init__(self, store: Store, rules: BreakerRules | None = None, clock: Clock = time.monotonic) -> None:
        self._room = BreakerRoom(store)
        self._rules = rules or BreakerRules()
        self._clock = clock
        self._known: dict[str, Breaker] = {}

    def get(self, name: str) -> Breaker:
        """The breaker of an upstream."""
        if name not in self._known:
            self._known[name] = Breaker(name, self._room, self._rules, self._clock)
        return self._known[name]

    async def reports(self) -> tuple[Report, ...]:
        """Every breaker, those of other replicas too unless Redis is away."""
        try:
            names = {*await self._room.names(), *self._known}
            return tuple([await self._report(name) for name in sorted(names)])
        except Unavailable:
            return tuple([await self._report(name) for name in sorted(self._known)])

    async def reset(self, name: str) -> Report:
        """Close a breaker on every replica and forget its counts.

        Raises:
            NotFound: there is no breaker of this name.
            Unavailable: Redis is away, so that the others would not hear of it.
        """
        if name not in self._known:
            return await reset(self._room, name)
        await self._known[name].shared.reset()
        return await self._report(name)

    async def aclose(self) -> None:
        """Tell the other replicas what is left to tell."""
        await asyncio.gather(*(breaker.shared.aclose() for breaker in self._known.values()))

    async def _report(self, name: str) -> Report:
        if name in self._known:
            return await self._known[name].shared.report()
        return await self._room.report(name)


async def reset(room: BreakerRoom, name: str) -> Report:
    """Close a breaker from outside of the processes that use it; they hear of it within a second.

    Raises:
        NotFound: no replica has a breaker of this name.
        Unavailable: Redis is away.
    """
    names = await room.names()
    if name not in names:
        raise NotFound(
            f"There is no breaker of this name; there are: {', '.join(names) or 'none'}.", resource="breaker"
        )
    await room.reset(name)
    return await room.report(name)
