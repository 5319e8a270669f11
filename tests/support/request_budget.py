"""What the tests of Reddit's budget share: a Redis of their own, budgets on it, an upstream that counts."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from reddit_mcp.errors import RateLimited
from reddit_mcp.models import Subreddit, Value
from reddit_mcp.storage.limits.queue_tickets import QueueTickets
from reddit_mcp.storage.limits.request_budget import Census, SlidingWindow
from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.upstream.rate_limit.reported_limit import ReportedLimit
from reddit_mcp.upstream.rate_limit.request_queue import RequestQueue
from reddit_mcp.upstream.rate_limit.shared_budget import SharedBudget, current_grant
from reddit_mcp.upstream.reddit_api import response_errors
from reddit_mcp.upstream.single_flight import call_context
from reddit_mcp.upstream.single_flight.call_context import Flight, current_flight
from reddit_mcp.upstream.source import Answer, Priority, Query, Source
from tests.support.redis_store import PREFIX, answering, assert_no_leaks, free_port, redis_at, running_server

T = TypeVar("T", bound=Value)


@asynccontextmanager
async def redis_server(folder: Path) -> AsyncIterator[str]:
    """A server whose keys must all have an expiry in the end."""
    url = f"redis://127.0.0.1:{(port := free_port())}"
    async with running_server(folder, "--port", str(port), "--bind", "127.0.0.1"):
        await answering(url)
        yield url
        async with redis_at(url) as redis:
            await assert_no_leaks(redis, PREFIX)


def store_at(url: str) -> Store:
    return Store(connect(url, timeout=2), prefix=PREFIX, timeout=2, cluster_url=url)


def window(store: Store, process: str = "one", *, limit: int = 100, span: float = 61.0) -> SlidingWindow:
    return SlidingWindow(store, name="app", process=process, limit=limit, span=span)


def census(
    high: int = 0, low: int = 0, *, critical: int = 0, normal: int = 0, places: int = 8, waited: float = 0
) -> Census:
    return Census((critical, high, normal, low), (waited,) * 4, places)


def query(name: object = "python", priority: Priority = Priority.HIGH) -> Query[Subreddit]:
    return Query("subreddit", Subreddit, f"community r/{name}", f"r/{name}/about", priority=priority)


class Upstream:
    """A Source that notes when it is asked and may enforce a limit of its own, as Reddit does."""

    def __init__(self, seconds: float = 0.0, *, limit: int | None = None, span: float = 60.0) -> None:
        self.times: list[float] = []
        self.names: list[str] = []
        self.refused = 0
        self.is_open = False
        self._seconds = seconds
        self._limit = limit
        self._span = span

    async def fetch(self, query: Query[T]) -> Answer[T]:
        if grant := current_grant.get():
            await asyncio.to_thread(grant.leave)
        now = time.monotonic()
        if self._limit is not None and busiest([*self.times, now], self._span, last=True) > self._limit:
            self.refused += 1
            raise response_errors.budget_spent(self._span)
        self.times.append(now)
        self.names.append(query.path)
        await asyncio.sleep(self._seconds)
        return Answer(query.model.model_validate({"id": "x", "name": "x", "display_name": "x"}), calls=1)


class Gate(Upstream):
    """An upstream that lets nobody through before it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.failure: Exception | None = None
        self.inside = 0

    async def fetch(self, query: Query[T]) -> Answer[T]:
        self.inside += 1
        try:
            await self.open.wait()
        finally:
            self.inside -= 1
        if self.failure:
            raise self.failure
        return await super().fetch(query)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def busiest(times: list[float], span: float, *, last: bool = False) -> int:
    """The most requests in any span, or in the one that ends with the last."""
    most, inside = 0, deque[float]()
    for at in sorted(times):
        inside.append(at)
        while inside[0] <= at - span:
            inside.popleft()
        most = max(most, len(inside))
    return len(inside) if last else most


@asynccontextmanager
async def queue_over(
    below: Source,
    store: Store,
    process: str = "one",
    *,
    limit: int = 100,
    span: float = 61.0,
    **options: int,
) -> AsyncIterator[RequestQueue]:
    tokens = SharedBudget(window(store, process, limit=limit, span=span), ReportedLimit())
    async with RequestQueue(below, tokens, QueueTickets(store), **options) as queue:
        yield queue


class Flown:
    """A request that goes on without its callers, as the coalescing layer sends it."""

    def __init__(self, queue: RequestQueue, question: Query[Any]) -> None:
        self.flight = Flight(question.key, question.priority)
        self.task = asyncio.create_task(self._fly(queue, question))
        self.task.add_done_callback(lambda done: done.cancelled() or done.exception())  # not every test asks

    async def _fly(self, queue: RequestQueue, question: Query[Any]) -> Answer[Any]:
        current_flight.set(self.flight)
        return await queue.fetch(question)

    async def outcome(self) -> Answer[Any] | RateLimited:
        """What a caller gets: the answer, or the place in the queue as soon as it is too far back."""
        self.flight.board()
        while not self.task.done():
            if ticket := self.flight.too_late:
                return ticket.refusal()
            await asyncio.wait((self.task, self.flight.news), return_when=asyncio.FIRST_COMPLETED)
        return self.task.result()


def within(seconds: float) -> None:
    """Give the calls of this test so much time."""
    call_context.deadline.set(asyncio.get_running_loop().time() + seconds)


async def many(queue: RequestQueue, count: int, priority: Priority = Priority.HIGH) -> list[Flown]:
    """So many requests that go on by themselves; they stand in line when this returns."""
    flown = [Flown(queue, query(f"{priority.name}{i}", priority)) for i in range(count)]
    await asyncio.sleep(0)
    return flown


async def ended(flown: list[Flown]) -> list[object]:
    """What became of them."""
    return list(await asyncio.gather(*(each.task for each in flown), return_exceptions=True))


async def becomes(condition: Callable[[], Awaitable[bool]], *, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what it asks tells nobody when it changes
            await asyncio.sleep(0.02)
