import json
import math
import random

import pytest
from backports import zstd

from reddit_mcp.errors import (
    UpstreamError,
)
from reddit_mcp.models import Comment, Listing, Post, User
from reddit_mcp.storage.cache.cache_encoding import LARGEST
from reddit_mcp.storage.cache.cache_entries import CacheEntries, entry_key, mark_key
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.cache.two_tier_cache import single
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.source import Answer, Query
from tests.support.cache_layers import UPSTREAM, Always, Layers, Upstream, layers, page, question, stored
from tests.support.cache_layers import clock as clock  # noqa: PLC0414 - fixtures
from tests.support.cache_layers import replica as replica  # noqa: PLC0414
from tests.support.cache_layers import upstream as upstream  # noqa: PLC0414
from tests.support.clocks import Clock
from tests.support.redis_store import PREFIX
from tests.support.redis_store import server as server  # noqa: PLC0414
from tests.support.redis_store import store as store  # noqa: PLC0414

DAY = 86_400
QUERY = question(ttl=100, tags=("subreddit:python",))
KEY = entry_key(PREFIX, UPSTREAM, QUERY.key)
FACTS = {"model": "Listing", "stored_at": 1e6, "fresh_until": 2e6, "ttl": 9, "marks": {}}
LINE = json.dumps(FACTS).encode()


async def overwrite(store: Store, value: bytes) -> None:
    async with store.visit() as redis:
        await redis.set(KEY, value, ex=60)


async def test_a_key_reads_as_the_contract_says(replica: Layers, store: Store) -> None:
    await replica.cache.fetch(QUERY)
    prefix, name, kind, digest, version = KEY.split(":")
    assert (prefix, name, kind, len(digest), version) == ("test", "reddit", "listing", 32, "2")
    async with store.visit() as redis:
        assert 2 * DAY - 5 < await redis.ttl(KEY) <= 2 * DAY


async def test_answers_are_kept_while_fresh_though_none_may_be_stale(store: Store) -> None:
    entries = CacheEntries(store, UPSTREAM, 0)
    _, marks = await entries.begin(QUERY.key, Listing, ["a tag"])
    await entries.write([(QUERY.key, b"j", math.inf)], marks)
    async with store.visit() as redis:
        assert DAY - 5 < await redis.ttl(KEY) <= DAY
        assert DAY - 5 < await redis.ttl(mark_key(PREFIX, "a tag")) <= DAY


async def test_short_answers_are_plain_and_long_ones_compressed(store: Store, clock: Clock) -> None:
    for answer, marker in ((page("a"), b"j"), (page("a", text="word " * 2000), b"z")):
        async with layers(store, Always(answer), clock) as replica:
            await replica.answers.forget(QUERY)
            await replica.cache.fetch(QUERY)
        raw = await stored(store, KEY)
        assert raw
        assert raw[:1] == marker
        assert len(raw) < 2000
        async with layers(store, Upstream(), clock) as replica:
            assert (await replica.cache.fetch(QUERY)).value == answer


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
    assert await replica.answers.find(QUERY) is None
    assert await stored(store, KEY) is None
    await overwrite(store, damage)
    answer = await replica.cache.fetch(QUERY)
    assert (answer.calls, answer.cached) == (1, False)


async def test_an_answer_above_the_limit_is_not_kept(store: Store, clock: Clock) -> None:
    huge = Upstream(answer=lambda _: page("a", text="x" * LARGEST))
    async with layers(store, huge, clock) as replica:
        for _ in range(2):
            assert (await replica.cache.fetch(QUERY)).calls == 1
    assert await stored(store, KEY) is None


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
    await replica.answers.purge(["subreddit:python"])
    async with layers(store, Upstream(failure=UpstreamError("down")), clock) as other:
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
