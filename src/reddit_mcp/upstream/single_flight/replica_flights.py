"""One request to Reddit for all replicas that ask the same at once.

One process holds a lease in Redis (`storage.flights`) while it asks. The others look again and again until it is gone,
and then find the answer in the cache, or share the failure. An owner that dies is followed by the next when its lease
runs out. With Redis away each process asks on its own.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable
from dataclasses import asdict, replace
from typing import Any, TypeVar

from reddit_mcp.errors import Failure, NotFound, Unavailable
from reddit_mcp.models import Value
from reddit_mcp.observability import metrics
from reddit_mcp.storage.cache.flight_leases import LEASE_SECONDS, FlightLeases, Seen
from reddit_mcp.upstream.cache.two_tier_cache import TwoTierCache, known
from reddit_mcp.upstream.single_flight.call_context import Flight, Ticket, current_flight
from reddit_mcp.upstream.source import Answer, Priority, Query, Source

T = TypeVar("T", bound=Value)

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


class ReplicaFlights:
    """A Source that asks below unless another replica does, and caches the whole answer."""

    def __init__(self, below: Source, answers: TwoTierCache, flights: FlightLeases) -> None:
        self._below = below
        self._answers = answers
        self._flights = flights

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask, or wait for the replica that asks."""
        name = secrets.token_hex(8)
        if not await self._is_mine(query, name):
            return await self._ask(query)
        async with self._lease(query.key, name):
            return await self._ask(query)

    async def _is_mine(self, query: Query[Any], name: str) -> bool:
        """Wait until the lease is ours; False when Redis is away. Raises the failure that another's asking ended in."""
        waited, seen = 0.0, await self._look(query, name, "")
        while seen and seen.owner != name:
            _pass_on(seen)
            # The longer it takes, the less often: a tenth of the time waited so far is lost at most.
            pause = min(max(waited / 10, _SHORTEST_PAUSE), _LONGEST_PAUSE)
            await asyncio.sleep(pause)
            waited += pause
            seen = await self._look(query, name, seen.owner)
        return seen is not None

    async def _look(self, query: Query[Any], name: str, awaited: str) -> Seen | None:
        flight = current_flight.get() or Flight(query.key, query.priority)
        try:
            return await self._flights.take(query.key, name, awaited, priority=flight.priority, callers=flight.callers)
        except Unavailable:
            return None

    @contextlib.asynccontextmanager
    async def _lease(self, question: str, name: str) -> AsyncIterator[None]:
        renewal = asyncio.create_task(self._renew(question, name, current_flight.get()))
        try:
            yield
        except Failure as failure:
            await _if_there(self._flights.fail(question, name, failure))
            raise
        except BaseException:
            await _if_there(self._flights.land(question, name))
            raise
        else:
            await _if_there(self._flights.land(question, name))
        finally:
            renewal.cancel()

    async def _renew(self, question: str, name: str, flight: Flight | None) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            ticket = json.dumps(asdict(flight.ticket)) if flight and flight.ticket else ""
            with contextlib.suppress(Unavailable):
                wanted = await self._flights.renew(question, name, ticket)
                if flight and wanted.priority is not None:
                    flight.urge(Priority(wanted.priority), wanted.callers)

    async def _ask(self, query: Query[T]) -> Answer[T]:
        """Ask below, unless another replica has just been told; remember what is told."""
        entry, start = await self._answers.begin(query)
        now = self._answers.clock()
        if entry and not query.fresh and not entry.facts.is_due(now):
            metrics.count(metrics.COALESCED, "replicas")
            return replace(known(entry, entry.facts.age(now)), cached=False)  # it is new to this replica's callers
        try:
            answer = await self._below.fetch(query)
        except NotFound:
            await self._answers.forget(query)
            raise
        if not answer.degraded:
            await self._answers.keep(query, answer, start)
        return answer


def _pass_on(seen: Seen) -> None:
    """To our own callers: the failure of the replica that asked, or its place in the queue."""
    if seen.failure:
        raise seen.failure
    flight = current_flight.get()
    if flight and seen.ticket:
        flight.announce(Ticket(**json.loads(seen.ticket)))


async def _if_there(word: Awaitable[None]) -> None:
    """Redis may be away: then the lease ends by itself."""
    with contextlib.suppress(Unavailable):
        await word
