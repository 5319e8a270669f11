import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextvars import ContextVar

import pytest
from backports import zstd
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
from reddit_mcp.models import Comment, Listing, Post, User, Value
from reddit_mcp.reddit.client import Reddit
from reddit_mcp.reddit.flight import deadline, remaining
from reddit_mcp.reddit.memory import RECENT_SECONDS
from reddit_mcp.reddit.shelf import purge_tags, single, tags_of
from reddit_mcp.reddit.source import Answer, Priority, Query
from reddit_mcp.storage.connection import Store
from reddit_mcp.storage.entries import entry_key
from reddit_mcp.storage.envelope import LARGEST
from reddit_mcp.storage.notices import Notices
from reddit_mcp.storage.purges import Purges
from tests.cache_fixtures import UPSTREAM, Clock, Layers, Upstream, layers, page, question, settled
from tests.storage_fixtures import PREFIX, assert_no_leaks, fake_store, until

HOUR, DAY = 3600, 86_400
QUERY = question(ttl=100, tags=("subreddit:python",))
KEY = entry_key(PREFIX, UPSTREAM, QUERY.key)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
async def store(server: FakeServer) -> AsyncIterator[Store]:
    async with fake_store(server) as store:
        yield store
        if server.connected:
            async with store.visit() as redis:
                await assert_no_leaks(redis, PREFIX)


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


class Always:
    """A Source that knows one answer."""

    def __init__(self, value: Value, archive: tuple[int, int] | None = None, age: float = 0.0) -> None:
        self.answer = Answer(value, calls=1, age=age, ttl=100, archive=archive)

    async def fetch(self, _query: Query[Value]) -> Answer[Value]:
        return self.answer


async def stored(store: Store, key: str = KEY) -> bytes | None:
    async with store.visit() as redis:
        value = await redis.get(key)
    assert value is None or isinstance(value, bytes)
    return value


async def overwrite(store: Store, value: bytes) -> None:
    async with store.visit() as redis:
        await redis.set(KEY, value, ex=60)


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
        await other.shelf.forget(slow)
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
    assert await stored(store) is None
    upstream.failure = UpstreamError("down")
    with pytest.raises(UpstreamError):
        await replica.cache.fetch(QUERY)


async def test_failures_are_not_remembered(replica: Layers, upstream: Upstream) -> None:
    upstream.failure = NotFound("not yet")
    with pytest.raises(NotFound):
        await replica.cache.fetch(QUERY)
    upstream.failure = None
    assert (await replica.cache.fetch(QUERY)).calls == 1


async def test_a_key_reads_as_the_contract_says(replica: Layers, store: Store) -> None:
    await replica.cache.fetch(QUERY)
    prefix, name, kind, digest, version = KEY.split(":")
    assert (prefix, name, kind, len(digest), version) == ("test", "reddit", "listing", 32, "1")
    async with store.visit() as redis:
        assert 2 * DAY - 5 < await redis.ttl(KEY) <= 2 * DAY


async def test_short_answers_are_plain_and_long_ones_compressed(store: Store, clock: Clock) -> None:
    for answer, marker in ((page("a"), b"j"), (page("a", text="word " * 2000), b"z")):
        async with layers(store, Always(answer), clock) as replica:
            await replica.shelf.forget(QUERY)
            await replica.cache.fetch(QUERY)
        raw = await stored(store)
        assert raw
        assert raw[:1] == marker
        assert len(raw) < 2000
        async with layers(store, Upstream(), clock) as replica:
            assert (await replica.cache.fetch(QUERY)).value == answer


FACTS = {"model": "Listing", "stored_at": 1e6, "fresh_until": 2e6, "ttl": 9, "marks": {}}
LINE = json.dumps(FACTS).encode()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"j",
        b"x" + LINE + b'\n{"items":[]}',
        b"j" + LINE,
        b"j" + LINE + b'\n{"items":[{}]}',
        b"j" + json.dumps(FACTS | {"model": "User"}).encode() + b'\n{"username":"ada"}',
        b"j" + json.dumps(FACTS | {"stored_at": float("nan")}).encode() + b'\n{"items":[]}',
        b"z" + LINE,
        b"z" + zstd.compress(LINE + b'\n{"items":[]}')[:-8],
        b"z" + zstd.compress(LINE + b'\n{"items":[], "after":"' + b" " * 3 * LARGEST + b'"}'),
        b"j\xff\xfe\n\x80",
        random.Random(7).randbytes(500),
    ],
    ids=lambda damage: damage[:12].decode("latin-1") + str(len(damage)),
)
async def test_a_damaged_entry_is_a_miss(
    replica: Layers, store: Store, upstream: Upstream, clock: Clock, damage: bytes
) -> None:
    await overwrite(store, damage)
    assert await replica.shelf.find(QUERY) is None
    assert await stored(store) is None
    await overwrite(store, damage)
    answer = await replica.cache.fetch(QUERY)
    assert (answer.calls, answer.cached) == (1, False)


async def test_an_answer_above_the_limit_is_not_kept(store: Store, clock: Clock) -> None:
    huge = Upstream(answer=lambda _: page("a", text="x" * LARGEST))
    async with layers(store, huge, clock) as replica:
        for _ in range(2):
            assert (await replica.cache.fetch(QUERY)).calls == 1
    assert await stored(store) is None


PYTHON_POSTS = question("/r/python/hot", tags=("subreddit:python",))
RUST_POSTS = question("/r/rust/hot", tags=("subreddit:rust",))
PYTHON_SEARCH = Query(
    kind="search", model=Listing, resource="r", path="/r/python/search", tags=("subreddit:python", "user:ada")
)
ALL = (PYTHON_POSTS, RUST_POSTS, PYTHON_SEARCH)


@pytest.mark.parametrize(
    ("purged", "gone"),
    [
        (purge_tags("listing"), {PYTHON_POSTS, RUST_POSTS}),
        (purge_tags(about="subreddit:python"), {PYTHON_POSTS, PYTHON_SEARCH}),
        (purge_tags("listing", "subreddit:python"), {PYTHON_POSTS}),
        (purge_tags(about="user:ada"), {PYTHON_SEARCH}),
        (purge_tags(), set(ALL)),
        (purge_tags("comments"), set()),
    ],
)
async def test_a_purge_drops_what_it_names(
    replica: Layers, store: Store, upstream: Upstream, clock: Clock, purged: tuple[str, ...], gone: set[Query[Listing]]
) -> None:
    for query in ALL:
        await replica.cache.fetch(query)
    await replica.shelf.purge(purged)
    async with layers(store, upstream, clock) as other:
        for cache in (replica.cache, other.cache):
            upstream.asked.clear()
            for query in ALL:
                await cache.fetch(query)
            assert set(upstream.asked) == (gone if cache is replica.cache else set())


async def test_a_purged_answer_is_found_nowhere(replica: Layers, store: Store, clock: Clock) -> None:
    await replica.cache.fetch(QUERY)
    await replica.shelf.purge(["subreddit:python"])
    async with layers(store, Upstream(failure=UpstreamError("down")), clock) as other:
        with pytest.raises(UpstreamError):
            await other.cache.fetch(QUERY)
    assert await stored(store) is None


async def test_a_purge_reaches_the_answer_that_is_on_its_way(replica: Layers, upstream: Upstream, store: Store) -> None:
    upstream.gate.clear()
    call = asyncio.create_task(replica.cache.fetch(QUERY))
    await until(lambda: bool(upstream.asked))
    await replica.shelf.purge(["subreddit:python"])
    upstream.gate.set()
    assert (await call).value == page("n1")
    assert (await replica.cache.fetch(QUERY)).value == page("n2")


async def test_an_evicted_mark_makes_a_miss_never_a_hit(replica: Layers, store: Store, clock: Clock) -> None:
    await replica.cache.fetch(QUERY)
    async with store.visit() as redis:
        for key in [key async for key in redis.scan_iter(match=f"{PREFIX}mark:*")]:
            await redis.delete(key)
    async with layers(store, Upstream(), clock) as other:
        assert (await other.cache.fetch(QUERY)).calls == 1


def test_tags_name_the_kind_too() -> None:
    assert tags_of(QUERY) == ("tool:listing", "subreddit:python", "tool:listing subreddit:python")


async def test_a_page_answers_for_each_of_its_posts(replica: Layers, upstream: Upstream, clock: Clock) -> None:
    upstream.answer = lambda _: page("a1", "a2")
    await replica.cache.fetch(QUERY)
    clock.now += 10
    answer = await Reddit(replica.cache).info("t3_a2", "post a2")
    assert answer == Answer(page("a2"), age=10, cached=True, ttl=100)
    assert len(upstream.asked) == 1


async def test_a_page_answers_for_its_posts_on_other_replicas(replica: Layers, store: Store, clock: Clock) -> None:
    upstream = Upstream(answer=lambda _: page("a1", "a2"))
    async with layers(store, upstream, clock) as other:
        await other.cache.fetch(QUERY)
    assert (await replica.cache.fetch(single("a1"))).value == page("a1")
    await replica.shelf.purge(["subreddit:python"])
    async with layers(store, Upstream(failure=DOWN[0]), clock) as other:
        with pytest.raises(UpstreamError):
            await other.cache.fetch(single("a2"))


async def test_a_posts_copy_ends_with_its_page(replica: Layers, store: Store, upstream: Upstream) -> None:
    upstream.answer = lambda _: page("a1")
    await replica.cache.fetch(QUERY)
    async with store.visit() as redis:
        assert 95 < await redis.ttl(entry_key(PREFIX, UPSTREAM, single("a1").key)) <= 100


async def test_a_pages_posts_push_nothing_out(store: Store, clock: Clock) -> None:
    async with layers(store, Always(page("a1", "a2", "a3")), clock, places=2) as replica:
        other = question("/r/rust/hot")
        await replica.cache.fetch(other)
        await replica.cache.fetch(QUERY)
        assert replica.memory.last(other.key)
        assert replica.memory.last(QUERY.key)


async def test_an_account_is_no_page(store: Store, clock: Clock) -> None:
    query = Query(kind="user", model=User, resource="user u/ada", path="/user/ada/about")
    async with layers(store, Always(User(username="ada")), clock) as replica:
        await replica.cache.fetch(query)
    async with layers(store, Upstream(), clock) as replica:
        assert (await replica.cache.fetch(query)).value == User(username="ada")


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


async def test_a_clock_that_is_set_back_harms_nothing(replica: Layers, clock: Clock) -> None:
    await replica.cache.fetch(QUERY)
    clock.now -= DAY
    assert (await replica.cache.fetch(QUERY)).age == 0


async def test_a_post_keeps_every_field_on_its_way(store: Store, clock: Clock) -> None:
    post = Post(
        id="x1",
        title="ä\u2028\n{}",
        author="a",
        score=-3,
        upvote_ratio=0.5,
        created_utc=7,
        selftext="\U0001f600",
        over_18=True,
    )
    async with layers(store, Upstream(answer=lambda _: Listing(items=(post,), after="t3_x")), clock) as replica:
        await replica.cache.fetch(QUERY)
    async with layers(store, Upstream(), clock) as other:
        assert (await other.cache.fetch(QUERY)).value == Listing(items=(post,), after="t3_x")


async def test_comments_on_a_page_are_not_kept_alone(store: Store, clock: Clock) -> None:
    mixed = Listing(items=(Comment(id="c1", body="hello"), Post(id="p1")))
    async with layers(store, Always(mixed), clock) as replica:
        assert (await replica.cache.fetch(QUERY)).value == mixed
    async with store.visit() as redis:
        kept = [key async for key in redis.scan_iter(match=f"{PREFIX}reddit:*")]
    assert {key.decode() for key in kept} == {KEY, entry_key(PREFIX, UPSTREAM, single("p1").key)}


@pytest.mark.parametrize("text", ["5", "not JSON", None])
async def test_word_of_a_purge_that_cannot_be_read_puts_all_in_doubt(store: Store, text: str | None) -> None:
    heard: list[frozenset[str] | None] = []
    notices = Notices(store)
    Purges(store, notices).on(heard.append)
    async with notices:
        await until(lambda: heard == [None])
        if text is None:
            await Purges(store, notices).purge({"b", "a"})
        else:
            await notices.send("purge", text)
        await until(lambda: len(heard) == 2)
    assert heard == [None, None if text else frozenset({"a", "b"})]
