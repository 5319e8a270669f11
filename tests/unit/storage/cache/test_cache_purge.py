import asyncio

import pytest

from reddit_mcp.errors import (
    UpstreamError,
)
from reddit_mcp.models import Listing
from reddit_mcp.storage.cache.cache_entries import entry_key
from reddit_mcp.storage.cache.cache_purges import CachePurges
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.upstream.cache.two_tier_cache import purge_tags, tags_of
from reddit_mcp.upstream.source import Query
from tests.support.cache_layers import UPSTREAM, Layers, Upstream, layers, page, question, stored
from tests.support.cache_layers import clock as clock  # noqa: PLC0414 - fixtures
from tests.support.cache_layers import replica as replica  # noqa: PLC0414
from tests.support.cache_layers import upstream as upstream  # noqa: PLC0414
from tests.support.clocks import Clock
from tests.support.redis_store import PREFIX, until
from tests.support.redis_store import server as server  # noqa: PLC0414
from tests.support.redis_store import store as store  # noqa: PLC0414

QUERY = question(ttl=100, tags=("subreddit:python",))
KEY = entry_key(PREFIX, UPSTREAM, QUERY.key)
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
    await replica.answers.purge(purged)
    async with layers(store, upstream, clock) as other:
        for cache in (replica.cache, other.cache):
            upstream.asked.clear()
            for query in ALL:
                await cache.fetch(query)
            assert set(upstream.asked) == (gone if cache is replica.cache else set())


async def test_a_purged_answer_is_found_nowhere(replica: Layers, store: Store, clock: Clock) -> None:
    await replica.cache.fetch(QUERY)
    await replica.answers.purge(["subreddit:python"])
    async with layers(store, Upstream(failure=UpstreamError("down")), clock) as other:
        with pytest.raises(UpstreamError):
            await other.cache.fetch(QUERY)
    assert await stored(store, KEY) is None


async def test_a_purge_reaches_the_answer_that_is_on_its_way(replica: Layers, upstream: Upstream, store: Store) -> None:
    upstream.gate.clear()
    call = asyncio.create_task(replica.cache.fetch(QUERY))
    await until(lambda: bool(upstream.asked))
    await replica.answers.purge(["subreddit:python"])
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


@pytest.mark.parametrize("text", ["5", "not JSON", None])
async def test_word_of_a_purge_that_cannot_be_read_puts_all_in_doubt(store: Store, text: str | None) -> None:
    heard: list[frozenset[str] | None] = []
    notices = PubSub(store)
    CachePurges(store, notices).on(heard.append)
    async with notices:
        await until(lambda: heard == [None])
        if text is None:
            await CachePurges(store, notices).purge({"b", "a"})
        else:
            await notices.send("purge", text)
        await until(lambda: len(heard) == 2)
    assert heard == [None, None if text else frozenset({"a", "b"})]
