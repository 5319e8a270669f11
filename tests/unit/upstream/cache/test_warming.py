"""Filling the cache at the start, around a Source that counts, on a fake Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import NotFound, UpstreamError
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.lease import Lease
from reddit_mcp.upstream.cache.cache_warming import FRONT_PAGE, REQUEST_SECONDS, CacheWarming
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.single_flight.call_context import remaining
from reddit_mcp.upstream.source import Answer, Priority, Query
from tests.support.cache_layers import Layers, Upstream, layers
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.redis_store import until
from tests.support.request_budget import T

QUICK = 60_000
"""Requests a minute, of which a tenth is one each 10 ms."""

ALL = 2 * len(FRONT_PAGE)


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def replica(store: Store, upstream: Upstream) -> AsyncIterator[Layers]:
    async with layers(store, upstream) as replica:
        yield replica


@asynccontextmanager
async def warming(
    replica: Layers, store: Store, hopeless: Callable[[], bool] = lambda: False, per_minute: float = QUICK
) -> AsyncIterator[CacheWarming]:
    async with CacheWarming(Reddit(replica.cache), Lease(store, "warming"), hopeless, per_minute) as found:
        yield found


def test_seven_communities() -> None:
    assert len({name.lower() for name in FRONT_PAGE}) == 7


async def test_hot_and_top_of_each_at_the_lowest_priority(replica: Layers, store: Store, upstream: Upstream) -> None:
    async with warming(replica, store) as found:
        await found._task
    assert {query.path for query in upstream.asked} == {
        f"/r/{name.lower()}/{sort}" for name in FRONT_PAGE for sort in ("hot", "top")
    }
    assert {query.priority for query in upstream.asked} == {Priority.LOW}


async def test_a_tenth_of_the_budget(store: Store) -> None:
    times: list[float] = []

    class Timed(Upstream):
        async def fetch(self, query: Query[T]) -> Answer[T]:
            times.append(asyncio.get_running_loop().time())
            assert 0 < remaining() <= REQUEST_SECONDS
            return await super().fetch(query)

    async with layers(store, Timed()) as replica, warming(replica, store, per_minute=12_000) as found:
        await found._task
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert len(pauses) == ALL - 1
    assert min(pauses) >= 60 / 1200 * 0.95


async def test_what_is_cached_is_not_fetched_again(replica: Layers, store: Store, upstream: Upstream) -> None:
    async with warming(replica, store) as found:
        await found._task
    async with layers(store, upstream) as other, warming(other, store, per_minute=1) as again:
        await asyncio.wait_for(again._task, PATIENCE_SECONDS)  # nothing to pause for
    assert len(upstream.asked) == ALL


async def test_one_replica_at_a_time(replica: Layers, store: Store, upstream: Upstream) -> None:
    upstream.gate.clear()
    async with layers(store, upstream) as other, warming(replica, store) as one, warming(other, store) as two:
        await until(lambda: bool(upstream.asked))
        assert len(upstream.asked) == 1
        upstream.gate.set()
        await asyncio.gather(one._task, two._task)
    assert len(upstream.asked) == ALL


async def test_another_goes_on_where_one_was_stopped(replica: Layers, store: Store, upstream: Upstream) -> None:
    async with layers(store, upstream) as other:
        async with warming(replica, store, per_minute=1):
            await until(lambda: len(upstream.asked) == 1)
        async with warming(other, store) as found:
            await found._task
    assert len(upstream.asked) == ALL


async def test_it_ends_when_the_breaker_opens(replica: Layers, store: Store, upstream: Upstream) -> None:
    upstream.failure = UpstreamError("Down.")
    async with warming(replica, store, hopeless=lambda: len(upstream.asked) >= 3) as found:
        await found._task
    assert len(upstream.asked) == 3


async def test_a_community_that_is_gone_is_passed_over(replica: Layers, store: Store, upstream: Upstream) -> None:
    upstream.failure = NotFound("There is none.")
    async with warming(replica, store) as found:
        await found._task
    assert len(upstream.asked) == ALL


async def test_without_redis_nobody_warms(
    replica: Layers, store: Store, upstream: Upstream, server: FakeServer
) -> None:
    server.connected = False
    async with warming(replica, store) as found:
        await found._task
    assert upstream.asked == []


@pytest.mark.parametrize("waits", ["for Reddit", "for its pause", "for its turn"])
async def test_it_holds_up_neither_start_nor_end(replica: Layers, store: Store, upstream: Upstream, waits: str) -> None:
    if waits == "for Reddit":
        upstream.gate.clear()
    if waits == "for its turn":
        await Lease(store, "warming").hold(60)
    half_a_pause = 30
    async with asyncio.timeout(half_a_pause), warming(replica, store, per_minute=1) as found:
        assert upstream.asked == []
        await until(lambda: bool(upstream.asked) or waits == "for its turn")
    assert found._task.done()


async def test_a_lease_is_anothers_until_it_is_released(store: Store) -> None:
    mine, yours = Lease(store, "a"), Lease(store, "a")
    assert await mine.hold(60)
    assert await mine.hold(60)
    assert not await yours.hold(60)
    await yours.release()
    assert not await yours.hold(60)
    assert await Lease(store, "b").hold(60)
    await mine.release()
    assert await yours.hold(60)
