"""What each layer of the way to Reddit costs a call, measured in one run.

    python -m benchmarks.layers

The layers stand around a Source that answers at once; the store is the server program of this machine. Time is the
process's own (CPU), so that neither other work on the machine nor the way to the store and back counts; the latter is
in the last column. Redis's commands are counted where a row does not say otherwise; `Room` takes them out. The table
goes into docs/benchmarks.md. A further layer is one more entry in `cases`.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.report import when_and_where, write

from reddit_mcp.errors import Failure, UpstreamError
from reddit_mcp.models import Listing, Post, Subreddit
from reddit_mcp.settings import Settings
from reddit_mcp.storage import Store, open_store
from reddit_mcp.storage.cache.cache_entries import CacheEntries
from reddit_mcp.storage.cache.cache_purges import CachePurges
from reddit_mcp.storage.cache.flight_leases import FlightLeases, Seen
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.upstream.cache.cache_layer import CacheLayer
from reddit_mcp.upstream.cache.memory_cache import MemoryCache
from reddit_mcp.upstream.cache.two_tier_cache import TwoTierCache
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_breaker import Guarded
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules
from reddit_mcp.upstream.resilience.retry import Retry, RetryRules
from reddit_mcp.upstream.single_flight.coalescing import Coalescing
from reddit_mcp.upstream.source import Answer, Query, Source

QUERY = Query(kind="subreddit", model=Subreddit, resource="community r/lua", path="/r/lua/about")
PAGE = Query(kind="listing", model=Listing, resource="community r/lua", path="/r/lua/hot", ttl=3_600, tags=("lua",))
UPSTREAM = "http://reddit.test client"
ROUNDS, CALLS = 15, 2000


@dataclass(frozen=True)
class Case:
    """One line of the table: what is measured, over which Source, and how dear it may be in microseconds."""

    name: str
    source: Source
    target: int | None = None
    query: Query[Any] = QUERY


class Prompt:
    """A Source that answers at once."""

    _answer = Answer(Subreddit(name="lua"), calls=1)

    async def fetch(self, _query: Query[Any]) -> Answer[Any]:
        return self._answer


TEXT = "What a person writes who asks for help, and tells at length what has been tried and failed. " * 6
POSTS = tuple(Post(id=f"{n:x}", title=f"A question about tables ({n})", author="ada", selftext=TEXT) for n in range(25))


class Page:
    """A Source that answers with 25 posts at once."""

    _answer = Answer(Listing(items=POSTS), calls=1, ttl=3_600)

    async def fetch(self, _query: Query[Any]) -> Answer[Any]:
        return self._answer


class Anew:
    """A Source that is asked something new each time."""

    def __init__(self, below: Source) -> None:
        self._below = below
        self._numbers = count()

    async def fetch(self, query: Query[Any]) -> Answer[Any]:
        return await self._below.fetch(replace(query, path=f"{query.path}/{next(self._numbers)}"))


class Room:
    """The rooms of the store that coalescing asks, answering at once: every lease is free, and nothing is cached.

    So their commands cost neither the way to Redis nor the packing, sending and reading in this process.
    """

    clock = staticmethod(time.time)

    async def take(self, _question: str, name: str, _awaited: str, **_who: int) -> Seen:
        return Seen(name, "", None)

    async def land(self, _question: str, _name: str) -> None:
        return None

    async def begin(self, _query: Query[Any]) -> tuple[None, None]:
        return None, None

    async def keep(self, _query: Query[Any], _answer: Answer[Any], _start: None) -> None:
        return None


class Broken:
    """A Source that fails at once."""

    async def fetch(self, _query: Query[Any]) -> Answer[Any]:
        raise UpstreamError("HTTP 503")


@asynccontextmanager
async def cached(below: Source, store: Store, places: int) -> AsyncIterator[CacheLayer]:
    """The cache over this Source, with so many answers in memory; the store's are all there."""
    async with AsyncExitStack() as stack:
        notices = await stack.enter_async_context(PubSub(store))
        answers = TwoTierCache(MemoryCache(places), CacheEntries(store, UPSTREAM), CachePurges(store, notices))
        coalesce = await stack.enter_async_context(Coalescing(below, answers, FlightLeases(store, UPSTREAM)))
        yield await stack.enter_async_context(CacheLayer(coalesce, answers))


@asynccontextmanager
async def cases(store: Store) -> AsyncIterator[list[Case]]:
    """Every layer by itself, and those of a miss together."""
    breakers = BreakerRegistry(store, BreakerRules(wait=3600.0))  # an open one stays so
    well, shut = breakers.get("well"), breakers.get("shut")
    guarded, rules = Guarded(Prompt(), well), RetryRules()
    refusing = Guarded(Broken(), shut)
    while not refusing.is_open:
        await asked(refusing)
    retry = Retry(guarded, rules, lambda: guarded.is_open)
    room: Any = Room()
    refused = Retry(refusing, rules, lambda: refusing.is_open)
    async with cached(Page(), store, 100) as warm, cached(Page(), store, 0) as cold, cached(retry, store, 0) as missing:
        while not (await warm.fetch(PAGE)).cached:
            await warm.fetch(PAGE)
        assert (await cold.fetch(PAGE)).cached
        yield [
            Case("nothing but the call", Prompt()),
            Case("cache, found in this process (L1)", warm, 5, PAGE),
            Case("cache, 25 posts found in Redis (L2)", cold, 1_000, PAGE),
            Case("breaker", guarded),
            Case("retry", Retry(Prompt(), rules, lambda: False)),
            Case("retry and breaker", retry),
            Case("coalesce, Redis's commands taken out", Coalescing(Prompt(), room, room)),
            Case(
                "coalesce, retry and breaker on a miss, Redis's commands taken out", Coalescing(retry, room, room), 50
            ),
            Case("cache, coalesce, retry and breaker: a whole miss, with its commands to Redis", Anew(missing)),
            Case("retry and breaker, open: what a refusal costs", refused, 10_000),
        ]
    await breakers.aclose()


async def asked(source: Source, query: Query[Any] = QUERY) -> None:
    """One call, however it ends."""
    try:
        await source.fetch(query)
    except Failure:
        return


@dataclass(frozen=True)
class Figures:
    """Microseconds a call: of this process in the median, best and slowest round, and by the clock in the best."""

    median: float
    best: float
    slowest: float
    clock: float


async def measure(case: Case) -> Figures:
    """Several rounds; between them the loop may do its other work."""
    rounds, clock = [], []
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
        cpu, elapsed = time.process_time(), time.perf_counter()
        for _ in range(CALLS):
            await asked(case.source, case.query)
        rounds.append((time.process_time() - cpu) / CALLS * 1e6)
        clock.append((time.perf_counter() - elapsed) / CALLS * 1e6)
    return Figures(statistics.median(rounds), min(rounds), max(rounds), min(clock))


async def run() -> str:
    """Measure all and lay the table out."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), redis_url=None)
        async with open_store(settings) as store, cases(store) as listed:
            await store.ping()
            lines = [line(case, await measure(case)) for case in listed]
    return (
        "## What each layer costs a call\n\n"
        f"`python -m benchmarks.layers`, {when_and_where()}. Microseconds a call, of this process (CPU) and by the\n"
        f"clock, which counts the way to Redis and back and all other work of the machine: {ROUNDS} rounds of {CALLS}\n"
        "calls. Where Redis's commands are taken out, the rooms of the store are stand-ins that answer at once; so\n"
        "neither the commands' packing, sending and reading in this process nor the packing of the answer counts.\n\n"
        "| layer | median round | best | slowest | best by the clock | target |\n|---|---|---|---|---|---|\n"
        + "\n".join(lines)
    )


def line(case: Case, figures: Figures) -> str:
    """A line of the table."""
    target = f"under {case.target:,}" if case.target else ""
    numbers = (figures.median, figures.best, figures.slowest, figures.clock)
    return f"| {case.name} | {' | '.join(f'{number:.1f}' for number in numbers)} | {target} |"


if __name__ == "__main__":
    report = asyncio.run(run())
    write("layers", report)
    print(report)
