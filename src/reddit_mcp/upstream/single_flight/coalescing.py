"""One request to Reddit for any number of equal questions at once.

The callers in this process share a task that belongs to none of them: one that gives up leaves the others, and the
filling of the cache, alone. `replicas` does the same over processes.
"""

import asyncio
import contextvars
import math
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self, TypeVar

from reddit_mcp.errors import DeadlineExceeded, Failure
from reddit_mcp.models import Value
from reddit_mcp.observability import metrics
from reddit_mcp.storage.cache.flight_leases import FlightLeases
from reddit_mcp.upstream.cache.two_tier_cache import TwoTierCache
from reddit_mcp.upstream.single_flight.call_context import (
    PATIENCE_SECONDS,
    Flight,
    answers_at_hand,
    current_flight,
    deadline,
    overloaded,
    remaining,
)
from reddit_mcp.upstream.single_flight.replica_flights import ReplicaFlights
from reddit_mcp.upstream.source import Answer, Priority, Query, Source

T = TypeVar("T", bound=Value)

MARGIN_SECONDS = 0.1
"""What a caller keeps of its time to be answered in another way, such as from a stale copy."""


@dataclass(slots=True)
class _Shared:
    """A flight of this process, the context it runs in, and the task and its time once that has begun."""

    flight: Flight
    context: contextvars.Context
    task: asyncio.Task[Answer[Any]] = field(init=False)
    limit: asyncio.Timeout | None = None

    def join(self, priority: Priority) -> None:
        """The work may take as long as the most patient of its callers, and is as urgent as the most urgent."""
        mine, its = deadline.get(), self.context.get(deadline)
        if its is not None and (mine is None or mine > its):
            self.context.run(deadline.set, mine)
        if self.flight.priority is Priority.LOW and priority < Priority.LOW and self.limit and not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time() + PATIENCE_SECONDS)
        self.flight.urge(priority)


class Coalescing:
    """A Source that asks the Source below once for all who ask the same; an async context manager that ends its work.

    Args:
        below: who is asked.
        answers: where answers are cached.
        flights: the flights of all replicas.
    """

    def __init__(self, below: Source, answers: TwoTierCache, flights: FlightLeases) -> None:
        self._below = ReplicaFlights(below, answers, flights)
        self._shared: dict[str, _Shared] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [shared.task for shared in self._shared.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Join the flight that carries this question, or start it; only who starts it is told of its requests.

        Raises:
            Unavailable: the caller has no place, and a flight would take one (`overloaded`).
        """
        if answers_at_hand.get():
            raise overloaded()
        joined = self._shared.get(query.key)
        shared = joined or self._start(query)
        if outer := current_flight.get():
            shared.flight.serve(outer)
        if joined:
            metrics.count(metrics.COALESCED, "process")
            joined.join(query.priority)
            return await _joined(joined)
        return await _waited(shared)

    def _start(self, query: Query[T]) -> _Shared:
        shared = _Shared(Flight(query.key, query.priority), contextvars.copy_context())
        shared.context.run(current_flight.set, shared.flight)
        shared.task = asyncio.create_task(self._fly(query, shared), context=shared.context)
        shared.task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._shared[query.key] = shared
        return shared

    async def _fly(self, query: Query[T], shared: _Shared) -> Answer[T]:
        limit = _longest(shared.flight.priority)
        try:
            async with asyncio.timeout(limit) as shared.limit:
                return await self._below.fetch(query)
        except TimeoutError:
            raise _too_slow(limit) from None
        finally:
            del self._shared[query.key]


async def _joined(shared: _Shared) -> Answer[Any]:
    try:
        return replace(await _waited(shared), calls=0)
    except Failure as failure:
        # One exception raised in many tasks would gather all their stacks, and the requests it cost are the starter's.
        raise type(failure)(str(failure), **failure.data) from failure


async def _waited(shared: _Shared) -> Answer[Any]:
    """The outcome of the work, as long as it can come in time for this caller."""
    flight, task = shared.flight, shared.task
    flight.board()
    while not task.done():
        if ticket := flight.too_late:
            raise ticket.refusal()
        left = remaining() - MARGIN_SECONDS
        timeout = left if math.isfinite(left) else None
        done, _ = await asyncio.wait((task, flight.news), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise _too_slow(left)
    return task.result()


def _longest(priority: Priority) -> float:
    """Work that nobody waits for ends when it is of no more use."""
    return min(PATIENCE_SECONDS, remaining()) if priority is Priority.LOW else PATIENCE_SECONDS


def _too_slow(seconds: float) -> DeadlineExceeded:
    return DeadlineExceeded(
        "No answer came in time for this call; repeat it in a few seconds.",
        operation="reddit request",
        timeout=round(max(0.0, seconds), 1),
    )
