import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import (
    DeadlineExceeded,
    Failure,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    Unavailable,
    UpstreamError,
)
from reddit_mcp.storage.cache.cache_entries import entry_key
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.cache.memory_cache import RECENT_SECONDS
from reddit_mcp.upstream.source import Answer
from tests.support.cache_layers import UPSTREAM, Layers, Upstream, page, question, stored
from tests.support.cache_layers import clock as clock  # noqa: PLC0414 - fixtures
from tests.support.cache_layers import replica as replica  # noqa: PLC0414
from tests.support.cache_layers import upstream as upstream  # noqa: PLC0414
from tests.support.clocks import Clock
from tests.support.redis_store import PREFIX
from tests.support.redis_store import server as server  # noqa: PLC0414
from tests.support.redis_store import store as store  # noqa: PLC0414

HOUR, DAY = 3600, 86_400
QUERY = question(ttl=100, tags=("subreddit:python",))
KEY = entry_key(PREFIX, UPSTREAM, QUERY.key)
SPENT = RateLimited("spent", limit_type="reddit_api", retry_after_seconds=5)
DOWN = [
    UpstreamError("down", status_code=503),
    Unavailable("open", service="reddit", reason="breaker_open"),
    DeadlineExceeded("slow"),
]


@pytest.mark.parametrize(
    ("failure", "age", "words"),
    [
        (SPENT, DAY, "Reddit's request budget is used up; this answer is 1 day old."),
        (DOWN[0], 3 * HOUR, "Reddit is unavailable; this answer is 3 hours old."),
        (DOWN[1], 2 * DAY - 1, "Reddit is unavailable; this answer is 1 day old."),
        (DOWN[2], 150, "Reddit did not answer in time; this answer is 2 minutes old."),
    ],
)
async def test_an_old_answer_stands_in_for_a_failing_reddit(
    replica: Layers, upstream: Upstream, clock: Clock, failure: Failure, age: float, words: str
) -> None:
    await replica.cache.fetch(QUERY)
    upstream.failure = failure
    clock.now += age
    answer = await replica.cache.fetch(QUERY)
    assert answer == Answer(page("n1"), age=age, cached=True, stale=True, ttl=100, degraded=words)


async def test_a_stand_in_says_what_reddit_was_asked(replica: Layers, upstream: Upstream, clock: Clock) -> None:
    class Costly(UpstreamError):
        calls = 3

    await replica.cache.fetch(QUERY)
    upstream.failure = Costly("down")
    clock.now += 150
    assert (await replica.cache.fetch(QUERY)).calls == 3


@pytest.mark.parametrize(("failure", "age"), [(SPENT, DAY + 1), *((failure, 2 * DAY + 1) for failure in DOWN)], ids=str)
async def test_a_too_old_answer_does_not(
    replica: Layers, upstream: Upstream, clock: Clock, failure: Failure, age: float
) -> None:
    await replica.cache.fetch(QUERY)
    upstream.failure = failure
    clock.now += age
    with pytest.raises(type(failure)):
        await replica.cache.fetch(QUERY)


@pytest.mark.parametrize("failure", [NotFound("gone"), InvalidInput("bad"), Forbidden("no")])
async def test_nothing_stands_in_for_an_answer_that_is_no(
    replica: Layers, upstream: Upstream, clock: Clock, failure: Failure
) -> None:
    await replica.cache.fetch(QUERY)
    upstream.failure = failure
    clock.now += 101
    with pytest.raises(type(failure)):
        await replica.cache.fetch(QUERY)


async def test_what_is_gone_is_forgotten(replica: Layers, store: Store, upstream: Upstream, clock: Clock) -> None:
    await replica.cache.fetch(QUERY)
    clock.now += 101
    upstream.failure = NotFound("gone")
    with pytest.raises(NotFound):
        await replica.cache.fetch(QUERY)
    assert await stored(store, KEY) is None
    upstream.failure = UpstreamError("down")
    with pytest.raises(UpstreamError):
        await replica.cache.fetch(QUERY)


async def test_failures_are_not_remembered(replica: Layers, upstream: Upstream) -> None:
    upstream.failure = NotFound("not yet")
    with pytest.raises(NotFound):
        await replica.cache.fetch(QUERY)
    upstream.failure = None
    assert (await replica.cache.fetch(QUERY)).calls == 1


async def test_without_redis_this_process_remembers_alone(
    replica: Layers, server: FakeServer, upstream: Upstream, clock: Clock
) -> None:
    server.connected = False
    slow = question(ttl=HOUR)
    assert (await replica.cache.fetch(slow)).calls == 1
    clock.now += RECENT_SECONDS + 1
    assert (await replica.cache.fetch(slow)).cached
    clock.now += HOUR
    upstream.failure = UpstreamError("down")
    assert (await replica.cache.fetch(slow)).stale
    upstream.failure = NotFound("gone")
    with pytest.raises(NotFound):
        await replica.cache.fetch(slow)
    upstream.failure = DOWN[0]
    with pytest.raises(UpstreamError):
        await replica.cache.fetch(slow)
