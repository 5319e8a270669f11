"""What the tests of the cache share: an upstream that obeys the test, and the layers over it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from reddit_mcp.errors import Failure
from reddit_mcp.models import Listing, Post, Value
from reddit_mcp.storage.cache.cache_entries import CacheEntries
from reddit_mcp.storage.cache.cache_purges import CachePurges
from reddit_mcp.storage.cache.flight_leases import FlightLeases
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.upstream.cache.cache_layer import CacheLayer
from reddit_mcp.upstream.cache.memory_cache import MemoryCache
from reddit_mcp.upstream.cache.two_tier_cache import TwoTierCache
from reddit_mcp.upstream.single_flight.call_context import deadline
from reddit_mcp.upstream.single_flight.coalescing import Coalescing
from reddit_mcp.upstream.source import Answer, Query, Source
from tests.support.clocks import Clock
from tests.support.redis_store import until

UPSTREAM = "http://reddit.test client"


def page(*ids: str, text: str = "") -> Listing:
    return Listing(items=tuple(Post(id=post_id, title=f"about {post_id}", selftext=text) for post_id in ids))


def question(path: str = "/r/python/hot", **fields: Any) -> Query[Listing]:
    return Query(kind="listing", model=Listing, resource="community r/python", path=path, **fields)


@dataclass
class Upstream:
    """A Source that answers the number of the request, once the gate is open, unless it is told to fail."""

    asked: list[Query[Any]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None
    answer: Callable[[int], Listing] = lambda number: page(f"n{number}")

    def __post_init__(self) -> None:
        self.gate.set()

    async def fetch(self, query: Query[Any]) -> Answer[Any]:
        self.asked.append(query)
        number = len(self.asked)
        await self.gate.wait()
        if self.failure:
            raise again(self.failure)
        return Answer(self.answer(number), calls=1, ttl=query.ttl)


def again(failure: BaseException) -> BaseException:
    """A failure of its own for each request, as a real one."""
    return type(failure)(str(failure), **failure.data) if isinstance(failure, Failure) else failure


@dataclass
class Layers:
    cache: CacheLayer
    coalesce: Coalescing
    answers: TwoTierCache
    memory: MemoryCache


@asynccontextmanager
async def layers(
    store: Store,
    upstream: object,
    clock: Clock | None = None,
    *,
    identity: str = UPSTREAM,
    chance: float = 0.0,
    places: int = 1000,
    listening: bool = False,
) -> AsyncIterator[Layers]:
    """The cache of one replica; with a clock, its time stands still until the clock is moved."""
    clocks: dict[str, Any] = {"clock": clock} if clock else {}
    memory, notices = MemoryCache(places, **clocks), PubSub(store)
    answers = TwoTierCache(
        memory, CacheEntries(store, identity), CachePurges(store, notices), chance=lambda: chance, **clocks
    )
    coalesce = Coalescing(cast("Source", upstream), answers, FlightLeases(store, identity))
    async with notices if listening else nullcontext(), coalesce, CacheLayer(coalesce, answers) as cache:
        yield Layers(cache, coalesce, answers, memory)


async def stored(store: Store, key: str) -> bytes | None:
    """What lies in Redis under this key."""
    async with store.visit() as redis:
        value = await redis.get(key)
    assert value is None or isinstance(value, bytes)
    return value


async def settled(cache: CacheLayer) -> None:
    """Wait until the renewals in the background are done."""
    while cache._renewals:
        await asyncio.wait(cache._renewals)


class Always:
    """A Source that knows one answer."""

    def __init__(self, value: Value, archive: tuple[int, int] | None = None, age: float = 0.0) -> None:
        self.answer = Answer(value, calls=1, age=age, ttl=100, archive=archive)

    async def fetch(self, _query: Query[Value]) -> Answer[Value]:
        return self.answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def replica(store: Store, upstream: Upstream, clock: Clock) -> AsyncIterator[Layers]:
    async with layers(store, upstream, clock) as replica:
        yield replica


async def begun(upstream: Upstream, *calls: asyncio.Task[Answer[Listing]]) -> None:
    """Until the upstream has been asked, and every caller waits for it."""
    await until(lambda: bool(upstream.asked))
    assert not any(call.done() for call in calls)


def ask(
    replica: Layers, query: Query[Listing], times: int = 1, *, seconds: float | None = None
) -> list[asyncio.Task[Answer[Listing]]]:
    async def call() -> Answer[Listing]:
        if seconds is not None:
            deadline.set(asyncio.get_running_loop().time() + seconds)
        return await replica.cache.fetch(query)

    return [asyncio.create_task(call()) for _ in range(times)]
