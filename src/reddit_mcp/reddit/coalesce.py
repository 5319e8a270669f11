"""One request to Reddit for any number of equal questions at once.

The callers in this process share a task that belongs to none of them: whoever gives up leaves the others, and the
filling of the cache, alone. `replicas` does the same over processes.
"""

import asyncio
import contextvars
import math
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self, TypeVar

from reddit_mcp.errors import DeadlineExceeded, Failure
from reddit_mcp.models import Value
from reddit_mcp.reddit.flight import Flight, current_flight, deadline, remaining
from reddit_mcp.reddit.replicas import OneReplica
from reddit_mcp.reddit.shelf import Shelf
from reddit_mcp.reddit.source import Answer, Priority, Query, Source
from reddit_mcp.storage.flights import Flights

T = TypeVar("T", bound=Value)

LONGEST_SECONDS = 600.0
"""How long work goes on for callers who have left."""

MARGIN_SECONDS = 0.1
"""What a caller keeps of its time to be answered in another way, such as from a stale copy."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """A flight of this process, and the task and context it runs in."""

    flight: Flight
    task: asyncio.Task[Answer[Any]]
    context: contextvars.Context

    def extend(self) -> None:
        """The work may take as long as the most patient of its callers."""
        mine, its = deadline.get(), self.context.get(deadline)
        if its is not None and (mine is None or mine > its):
            self.context.run(deadline.set, mine)


class Coalesce:
    """A Source that asks the Source below once for all who ask the same; an async context manager that ends its work.

    Args:
        below: who is asked.
        shelf: where the answers go.
        flights: the flights of all replicas.
    """

    def __init__(self, below: Source, shelf: Shelf, flights: Flights) -> None:
        self._below = OneReplica(below, shelf, flights)
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
        """Join the flight that carries this question, or start it; only who starts it is told of its requests."""
        if shared := self._shared.get(query.key):
            shared.extend()
            return await _joined(shared)
        return await _waited(self._start(query))

    def _start(self, query: Query[T]) -> _Shared:
        flight, context = Flight(query.key), contextvars.copy_context()
        context.run(current_flight.set, flight)
        task = asyncio.create_task(self._fly(query), context=context)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._shared[query.key] = shared = _Shared(flight, task, context)
        return shared

    async def _fly(self, query: Query[T]) -> Answer[T]:
        limit = _longest(query)
        try:
            async with asyncio.timeout(limit):
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
    late = asyncio.create_task(shared.flight.too_late())
    left = remaining() - MARGIN_SECONDS
    try:
        await asyncio.wait(
            (shared.task, late), timeout=left if math.isfinite(left) else None, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        late.cancel()
    if shared.task.done():
        return shared.task.result()
    raise late.result().refusal() if late.done() else _too_slow(left)


def _longest(query: Query[Any]) -> float:
    """Work that nobody waits for ends when it is of no more use."""
    return min(LONGEST_SECONDS, remaining()) if query.priority is Priority.LOW else LONGEST_SECONDS


def _too_slow(seconds: float) -> DeadlineExceeded:
    return DeadlineExceeded(
        "Reddit did not answer in time for this call; repeat it in a few seconds.",
        operation="reddit request",
        timeout=round(max(0.0, seconds), 1),
    )
