"""All circuit breakers of a process, by name: reddit, its token endpoint, every other upstream."""

import asyncio
import time
from collections import OrderedDict
from itertools import islice
from weakref import WeakValueDictionary

from reddit_mcp.errors import NotFound, Unavailable
from reddit_mcp.storage.breakers.breaker_records import BreakerRecords
from reddit_mcp.storage.breakers.breaker_report import Report, State
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.resilience.circuit_breaker import Breaker
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules, Clock

MOST_AT_REST = 500
"""Breakers kept for their next use: there is one for each host of a webhook, and users name those."""


class BreakerRegistry:
    """The breakers of one process, by name; what an operator sees of them and of every other replica's."""

    def __init__(self, store: Store, rules: BreakerRules | None = None, clock: Clock = time.monotonic) -> None:
        self._records = BreakerRecords(store)
        self._rules = rules or BreakerRules()
        self._clock = clock
        self._known = WeakValueDictionary[str, Breaker]()  # its users hold it
        self._recent = OrderedDict[str, Breaker]()

    def get(self, name: str) -> Breaker:
        """The breaker of an upstream; the same for all who use it at a time."""
        breaker = self._known.get(name) or Breaker(name, self._records, self._rules, self._clock)
        self._let_go()
        self._known[name] = self._recent[name] = breaker
        self._recent.move_to_end(name)
        return breaker

    def states(self) -> dict[str, State]:
        """The state of each breaker of this process."""
        return {name: breaker.state for name, breaker in self._known.items()}

    async def reports(self) -> tuple[Report, ...]:
        """Every breaker, those of other replicas too unless Redis is away."""
        try:
            names = {*await self._records.names(), *self._known}
            return tuple([await self._report(name) for name in sorted(names)])
        except Unavailable:
            return tuple([await self._report(name) for name in sorted(self._known)])

    async def reset(self, name: str) -> Report:
        """Close a breaker on every replica and forget its counts.

        Raises:
            NotFound: there is no breaker of this name.
            Unavailable: Redis is away, so that the others would not hear of it.
        """
        breaker = self._known.get(name)
        if breaker is None:
            return await reset(self._records, name)
        await breaker.shared.reset()
        return await self._report(name)

    async def aclose(self) -> None:
        """Tell the other replicas what is left to tell."""
        await asyncio.gather(*(breaker.shared.aclose() for breaker in self._known.values()))

    async def _report(self, name: str) -> Report:
        breaker = self._known.get(name)
        return await (breaker.shared.report() if breaker else self._records.report(name))

    def _let_go(self) -> None:
        """Forget those that were not used for longest, as long as they are at rest."""
        excess = max(0, len(self._recent) - MOST_AT_REST)
        at_rest = (name for name, breaker in self._recent.items() if breaker.shared.is_at_rest)
        for name in tuple(islice(at_rest, excess)):
            del self._recent[name]


async def reset(records: BreakerRecords, name: str) -> Report:
    """Close a breaker from outside of the processes that use it; they hear of it within a second.

    Raises:
        NotFound: no replica has a breaker of this name.
        Unavailable: Redis is away.
    """
    names = await records.names()
    if name not in names:
        raise NotFound(
            f"There is no breaker of this name; there are: {', '.join(names) or 'none'}.", resource="breaker"
        )
    await records.reset(name)
    return await records.report(name)
