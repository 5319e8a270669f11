import asyncio
from contextvars import ContextVar

import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import (
    InvalidInput,
    Unavailable,
    UpstreamError,
)
from reddit_mcp.models import Listing
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.cache.memory_cache import RECENT_SECONDS
from reddit_mcp.upstream.single_flight.call_context import answers_at_hand, deadline, remaining
from reddit_mcp.upstream.source import Answer, Priority, Query
from tests.support.cache_layers import Always, Layers, Upstream, layers, page, question, settled
from tests.support.cache_layers import clock as clock  # noqa: PLC0414 - fixtures
from tests.support.cache_layers import replica as replica  # noqa: PLC0414
from tests.support.cache_layers import upstream as upstream  # noqa: PLC0414
from tests.support.clocks import Clock
from tests.support.redis_store import server as server  # noqa: PLC0414
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.redis_store import until

HOUR, DAY = 3600, 86_400
QUERY = question(ttl=100, tags=("subreddit:python",))


async def test_a_miss_asks_and_says_what_it_cost(replica: Layers, upstream: Upstream) -> None:
    answer = await replica.cache.fetch(QUERY)
    assert answer == Answer(page("n1"), calls=1, ttl=100)
    assert upstream.asked == [QUERY]


async def test_a_hit_costs_nothing_and_says_its_age(replica: Layers, upstream: Upstream, clock: Clock) -> None:
    await replica.cache.fetch(QUERY)
    clock.now += 30
    answer = await replica.cache.fetch(QUERY)
    assert answer == Answer(page("n1"), calls=0, age=30, cached=True, ttl=100)
    assert len(upstream.asked) == 1


async def test_a_hit_in_this_process_needs_no_redis(replica: Layers, server: FakeServer) -> None:
    await replica.cache.fetch(QUERY)
    server.connected = False
    assert (await replica.cache.fetch(QUERY)).cached


async def test_without_a_place_only_what_is_cached_is_answered(replica: Layers, upstream: Upstream) -> None:
    await replica.cache.fetch(QUERY)
    answers_at_hand.set(True)
    assert (await replica.cache.fetch(QUERY)).cached
    with pytest.raises(Unavailable) as refused:
        await replica.cache.fetch(question("/r/elsewhere/hot"))
    assert refused.value.data["reason"] == "overloaded"
    assert len(upstream.asked) == 1


async def test_another_replica_finds_the_answer(replica: Layers, store: Store, clock: Clock) -> None:
    await replica.cache.fetch(QUERY)
    elsewhere = Upstream()
    clock.now += 30
    async with layers(store, elsewhere, clock) as other:
        assert await other.cache.fetch(QUERY) == Answer(page("n1"), age=30, cached=True, ttl=100)
    assert elsewhere.asked == []


async def test_another_upstream_is_another_cache(replica: Layers, store: Store, clock: Clock) -> None:
    await replica.cache.fetch(QUERY)
    elsewhere = Upstream()
    async with layers(store, elsewhere, clock, identity="an archive") as other:
        await other.cache.fetch(QUERY)
    assert len(elsewhere.asked) == 1


async def test_after_a_minute_redis_is_asked_again(replica: Layers, store: Store, clock: Clock) -> None:
    slow = question(ttl=HOUR)
    await replica.cache.fetch(slow)
    newer = Upstream(answer=lambda _: page("newer"))
    clock.now += RECENT_SECONDS
    async with layers(store, newer, clock) as other:
        await other.answers.forget(slow)
        await other.cache.fetch(slow)
    assert (await replica.cache.fetch(slow)).value == page("newer")


async def test_an_archive_answer_keeps_its_span(store: Store, clock: Clock) -> None:
    for _ in range(2):
        async with layers(store, Always(page("a"), (10, 20)), clock) as replica:
            assert (await replica.cache.fetch(QUERY)).archive == (10, 20)


async def test_an_answer_ends_up_to_a_tenth_early(store: Store, upstream: Upstream, clock: Clock) -> None:
    async with layers(store, upstream, clock, chance=0.5) as replica:
        await replica.cache.fetch(QUERY)
        clock.now += 94.9
        assert (await replica.cache.fetch(QUERY)).cached
        await settled(replica.cache)
        upstream.failure = InvalidInput("no")
        clock.now += 95.1
        with pytest.raises(InvalidInput):
            await replica.cache.fetch(QUERY)


async def test_an_answer_is_fresh_until_its_last_moment(replica: Layers, clock: Clock) -> None:
    await replica.cache.fetch(QUERY)
    clock.now += 79
    assert (await replica.cache.fetch(QUERY)).cached
    clock.now += 21
    assert not (await replica.cache.fetch(QUERY)).cached


async def test_an_answer_that_came_with_an_age_keeps_it(store: Store, clock: Clock) -> None:
    async with layers(store, Always(page("a"), age=30.0), clock) as replica:
        await replica.cache.fetch(QUERY)
        clock.now += 10
        assert (await replica.cache.fetch(QUERY)).age == 40


async def test_a_renewal_owes_nothing_to_its_caller(store: Store, clock: Clock) -> None:
    left: list[float] = []
    callers: list[str] = []
    caller: ContextVar[str] = ContextVar("caller", default="nobody")

    class Below(Upstream):
        async def fetch(self, query: Query[Listing]) -> Answer[Listing]:
            left.append(remaining())
            callers.append(caller.get())
            return await super().fetch(query)

    async with layers(store, Below(), clock) as replica:
        await replica.cache.fetch(question(ttl=1000))
        clock.now += 900
        caller.set("ada")
        deadline.set(asyncio.get_running_loop().time() + 5)
        await replica.cache.fetch(question(ttl=1000))
        await settled(replica.cache)
    assert callers == ["nobody", "nobody"]
    assert 95 < left[1] <= 100


async def test_in_its_last_fifth_an_answer_is_renewed_behind_the_caller(
    replica: Layers, upstream: Upstream, clock: Clock
) -> None:
    await replica.cache.fetch(QUERY)
    clock.now += 79
    await replica.cache.fetch(QUERY)
    await settled(replica.cache)
    assert len(upstream.asked) == 1
    clock.now += 2
    upstream.gate.clear()
    answers = [await replica.cache.fetch(QUERY) for _ in range(5)]
    assert [(answer.value, answer.cached, answer.stale, answer.age) for answer in answers] == [
        (page("n1"), True, False, 81)
    ] * 5
    upstream.gate.set()
    await settled(replica.cache)
    assert [query.priority for query in upstream.asked] == [Priority.HIGH, Priority.LOW]
    assert await replica.cache.fetch(QUERY) == Answer(page("n2"), age=0, cached=True, ttl=100)


async def test_a_renewal_that_fails_is_not_repeated(replica: Layers, upstream: Upstream, clock: Clock) -> None:
    slow = question(ttl=1000)
    await replica.cache.fetch(slow)
    upstream.failure = UpstreamError("down")
    clock.now += 810
    for _ in range(4):
        assert (await replica.cache.fetch(slow)).value == page("n1")
        await settled(replica.cache)
        clock.now += RECENT_SECONDS / 2
    assert len(upstream.asked) == 2


async def test_a_renewal_ends_with_the_cache(store: Store, upstream: Upstream, clock: Clock) -> None:
    async with layers(store, upstream, clock) as replica:
        await replica.cache.fetch(QUERY)
        clock.now += 90
        upstream.gate.clear()
        await replica.cache.fetch(QUERY)
        await until(lambda: len(upstream.asked) == 2)
    assert not replica.cache._renewals
    assert not replica.coalesce._shared


async def test_a_clock_that_is_set_back_harms_nothing(replica: Layers, clock: Clock) -> None:
    await replica.cache.fetch(QUERY)
    clock.now -= DAY
    assert (await replica.cache.fetch(QUERY)).age == 0
