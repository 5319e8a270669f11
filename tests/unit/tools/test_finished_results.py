"""The second cache: finished trends and moods, over the first, on a fake Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.errors import NotFound, UpstreamError
from reddit_mcp.models import Listing, Post
from reddit_mcp.storage.cache.flight_leases import FlightLeases
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.tools.results import sentiment_analysis, trend_analysis
from reddit_mcp.tools.results.analysis_source import AnalysisSource
from reddit_mcp.upstream.cache.cache_layer import CacheLayer
from reddit_mcp.upstream.cache.two_tier_cache import purge_tags
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.single_flight import coalescing
from reddit_mcp.upstream.single_flight.call_context import deadline
from reddit_mcp.upstream.single_flight.coalescing import Coalescing
from reddit_mcp.upstream.source import Answer, Priority, Query
from tests.support.cache_layers import UPSTREAM, Layers, Upstream, layers, settled
from tests.support.clocks import Clock
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.redis_store import until

TRENDS = trend_analysis.question("Kettles", "hour")
DAY = trend_analysis.question("kettles", "day")
MOOD = sentiment_analysis.question("subreddit", "kettles", "week", 100)
ANALYZER = SentimentAnalyzer()


def posts(number: int, after: str | None = None) -> Listing:
    """Ten posts of different authors and seconds; the newer five speak of copper."""
    items = tuple(
        Post(
            id=f"p{number}{age}",
            title="I love copper spouts" if age < 5 else f"plain lid {age}",
            author=f"a{age}",
            created_utc=1_000_000 - age,
        )
        for age in range(10)
    )
    return Listing(items=items, after=after)


@pytest.fixture
def upstream() -> Upstream:
    upstream = Upstream()
    upstream.answer = posts
    return upstream


class Above:
    """Both caches of one replica."""

    def __init__(self, below: Layers, cache: CacheLayer, clock: Clock) -> None:
        self.below, self.cache, self.clock = below, cache, clock


@asynccontextmanager
async def two_caches(store: Store, upstream: Upstream, clock: Clock) -> AsyncIterator[Above]:
    async with layers(store, upstream, clock) as below:
        findings = AnalysisSource(Reddit(below.cache), ANALYZER, clock)
        async with (
            Coalescing(findings, below.answers, FlightLeases(store, UPSTREAM)) as coalescing,
            CacheLayer(coalescing, below.answers) as cache,
        ):
            yield Above(below, cache, clock)


@pytest.fixture
async def above(store: Store, upstream: Upstream) -> AsyncIterator[Above]:
    async with two_caches(store, upstream, Clock()) as above:
        yield above


@pytest.mark.parametrize(("query", "ttl"), [(TRENDS, 900), (DAY, 900), (MOOD, 3600)], ids=["hour", "day", "mood"])
async def test_a_finished_result_is_kept_for_its_own_time(
    above: Above, upstream: Upstream, query: Query[Any], ttl: int
) -> None:
    first = await above.cache.fetch(query)
    assert (first.calls, first.cached, first.age, first.ttl) == (1, False, 0, ttl)
    above.clock.now += ttl / 2
    second = await above.cache.fetch(query)
    assert (second.calls, second.cached, second.stale, second.age, second.ttl) == (0, True, False, ttl / 2, ttl)
    assert second.value == first.value
    assert len(upstream.asked) == 1
    above.clock.now += ttl
    third = await above.cache.fetch(query)
    assert not third.stale
    assert third.age < third.ttl


async def test_another_replica_finds_it(above: Above, store: Store, upstream: Upstream) -> None:
    first = await above.cache.fetch(TRENDS)
    async with two_caches(store, upstream, above.clock) as other:
        found = await other.cache.fetch(TRENDS)
    assert (found.value, found.cached, found.calls) == (first.value, True, 0)
    assert found.value.trending_topics[0].keyword == "love copper spouts"


async def test_two_pages_are_two_requests(above: Above, upstream: Upstream) -> None:
    upstream.answer = lambda number: posts(number, after="t3_x" if number == 1 else None)
    answer = await above.cache.fetch(DAY)
    assert (answer.calls, answer.value.posts_analyzed) == (2, 20)


async def test_a_crowd_is_one_request(above: Above, upstream: Upstream) -> None:
    upstream.gate.clear()
    calls = [asyncio.create_task(above.cache.fetch(TRENDS)) for _ in range(100)]
    await until(lambda: bool(upstream.asked))
    upstream.gate.set()
    answers = await asyncio.gather(*calls)
    assert len(upstream.asked) == 1
    assert sorted(answer.calls for answer in answers) == [0] * 99 + [1]


@pytest.mark.parametrize(
    "tags",
    [purge_tags("trending"), purge_tags(about="subreddit:kettles"), purge_tags("trending", "subreddit:kettles")],
    ids=["tool", "community", "both"],
)
async def test_a_purge_reaches_it(above: Above, tags: tuple[str, ...]) -> None:
    before = await above.cache.fetch(TRENDS)
    above.clock.now += 50
    await above.below.answers.purge(tags)
    after = await above.cache.fetch(TRENDS)
    assert after.value.analysis_timestamp == before.value.analysis_timestamp + 50


async def test_a_purge_of_something_else_does_not(above: Above) -> None:
    before = await above.cache.fetch(TRENDS)
    await above.below.answers.purge([*purge_tags("sentiment"), *purge_tags(about="subreddit:lids")])
    assert (await above.cache.fetch(TRENDS)).value == before.value


async def test_a_result_from_old_parts_says_so_and_is_not_kept(above: Above, upstream: Upstream) -> None:
    await Reddit(above.below.cache).posts("kettles", "new", "day")
    above.clock.now += 1000
    upstream.failure = UpstreamError("Down.")
    old = await above.cache.fetch(TRENDS)
    assert (old.stale, old.age) == (True, 1000)
    assert old.degraded == "Reddit is unavailable; this answer is 16 minutes old."
    upstream.failure = None
    new = await above.cache.fetch(TRENDS)
    assert (new.stale, new.degraded, new.calls) == (False, None, 1)


async def test_an_old_result_stands_in_where_its_parts_cannot_be_had(above: Above, upstream: Upstream) -> None:
    first = await above.cache.fetch(TRENDS)
    above.clock.now += 2000
    await above.below.answers.purge(purge_tags("listing"))
    upstream.failure = UpstreamError("Down.")
    old = await above.cache.fetch(TRENDS)
    assert (old.value, old.stale, old.ttl) == (first.value, True, 900)
    assert old.degraded


async def test_a_result_is_as_old_as_its_parts(above: Above) -> None:
    reddit = Reddit(above.below.cache)
    await reddit.posts("kettles", "top", "day")
    above.clock.now += 600
    answer = await above.cache.fetch(DAY)
    assert (answer.age, answer.ttl, answer.cached, answer.calls) == (600, 900, True, 0)
    above.clock.now += 600
    answer = await above.cache.fetch(DAY)
    assert (answer.age, answer.ttl, answer.stale) == (1200, 3600, False), "the page is fresh for so long"
    above.clock.now += 600
    assert (await above.cache.fetch(DAY)).value.analysis_timestamp == answer.value.analysis_timestamp


async def test_a_failure_tells_what_all_parts_cost(above: Above, upstream: Upstream) -> None:
    class Second(Upstream):
        async def fetch(self, query: Query[Any]) -> Answer[Any]:
            if "after" in dict(query.params):
                raise failure
            return await super().fetch(query)

    failure = UpstreamError("Down.")
    failure.calls = 3
    below = Second()
    below.answer = lambda number: posts(number, after="t3_x")
    with pytest.raises(UpstreamError) as caught:
        await AnalysisSource(Reddit(below), ANALYZER).fetch(DAY)
    assert caught.value.calls == 4


async def test_what_is_not_there_is_not_kept(above: Above, upstream: Upstream) -> None:
    upstream.failure = NotFound("There is no community r/kettles on Reddit.", resource="community r/kettles")
    with pytest.raises(NotFound):
        await above.cache.fetch(MOOD)
    upstream.failure = None
    assert (await above.cache.fetch(MOOD)).calls == 1


async def test_it_is_renewed_before_it_ends_at_the_lowest_priority(above: Above, upstream: Upstream) -> None:
    first = await above.cache.fetch(TRENDS)
    above.clock.now += 800
    assert (await above.cache.fetch(TRENDS)).age == 800
    await settled(above.cache)
    assert upstream.asked[-1].priority is Priority.LOW
    renewed = await above.cache.fetch(TRENDS)
    assert renewed.age == 0
    assert renewed.value.analysis_timestamp == first.value.analysis_timestamp + 800


async def test_an_old_part_is_found_in_time_while_reddit_hangs(
    above: Above, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescing, "MARGIN_SECONDS", 60.0)
    await Reddit(above.below.cache).posts("kettles", "new", "day")
    above.clock.now += 1000
    upstream.gate.clear()
    deadline.set(asyncio.get_running_loop().time() + 62.0)
    answer = await above.cache.fetch(TRENDS)
    assert answer.degraded == "Reddit did not answer in time; this answer is 16 minutes old."
    upstream.gate.set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            lambda: sentiment_analysis.question("post", "1abc2d", "week", 100),
            lambda: sentiment_analysis.question("post", "1abc2d", "day", 5),
        ),
        (
            lambda: sentiment_analysis.question("thread", "1abc2d", "week", 9),
            lambda: sentiment_analysis.question("thread", "1abc2d", "day", 9),
        ),
        (lambda: trend_analysis.question("Kettles", "day"), lambda: trend_analysis.question("kettles", "day")),
    ],
    ids=["post", "thread", "spelling"],
)
def test_arguments_that_do_not_count_share_an_entry(
    one: Callable[[], Query[Any]], other: Callable[[], Query[Any]]
) -> None:
    assert one().key == other().key


def test_arguments_that_count_do_not() -> None:
    questions: list[Query[Any]] = [
        sentiment_analysis.question("subreddit", "kettles", "week", 100),
        sentiment_analysis.question("subreddit", "kettles", "day", 100),
        sentiment_analysis.question("subreddit", "kettles", "week", 50),
        sentiment_analysis.question("user", "kettles", "week", 100),
        sentiment_analysis.question("thread", "1abc2d", "week", 100),
        sentiment_analysis.question("thread", "1abc2d/k1", "week", 100),
        TRENDS,
        DAY,
    ]
    assert len({question.key for question in questions}) == len(questions)


def test_tags() -> None:
    assert sentiment_analysis.question("subreddit", "kettles+lids", "day", 1).tags == (
        "subreddit:kettles",
        "subreddit:lids",
    )
    assert sentiment_analysis.question("user", "tea_lover", "day", 1).tags == ("user:tea_lover",)
    assert sentiment_analysis.question("post", "1abc2d", "day", 1).tags == ()
    assert trend_analysis.question("all", "day").tags == ()
