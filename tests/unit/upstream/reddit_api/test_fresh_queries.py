"""A fresh query is answered by Reddit itself, whatever is known, and its answer serves the others."""

from dataclasses import replace

import pytest

from reddit_mcp.errors import UpstreamError
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.source import Answer, Priority
from tests.support.cache_layers import Layers, Upstream, page, question
from tests.support.cache_layers import clock as clock  # noqa: PLC0414 - fixtures
from tests.support.cache_layers import replica as replica  # noqa: PLC0414
from tests.support.cache_layers import upstream as upstream  # noqa: PLC0414
from tests.support.clocks import Clock
from tests.support.redis_store import server as server  # noqa: PLC0414
from tests.support.redis_store import store as store  # noqa: PLC0414

QUERY = question(ttl=100)
FRESH = replace(QUERY, fresh=True)


async def test_an_answer_that_is_known_does_not_do(replica: Layers, upstream: Upstream) -> None:
    await replica.cache.fetch(QUERY)
    assert await replica.cache.fetch(FRESH) == Answer(page("n2"), calls=1, ttl=100)
    assert upstream.asked == [QUERY, FRESH]


async def test_its_answer_serves_the_others(replica: Layers, upstream: Upstream, clock: Clock) -> None:
    await replica.cache.fetch(FRESH)
    clock.now += 30
    assert await replica.cache.fetch(QUERY) == Answer(page("n1"), age=30, cached=True, ttl=100)


async def test_nothing_old_stands_in(replica: Layers, upstream: Upstream) -> None:
    await replica.cache.fetch(QUERY)
    upstream.failure = UpstreamError("down")
    with pytest.raises(UpstreamError):
        await replica.cache.fetch(FRESH)


async def test_a_client_asks_so_for_posts_searches_and_infos(upstream: Upstream) -> None:
    reddit = Reddit(upstream).at(Priority.NORMAL, fresh=True)
    await reddit.posts("python", "new", "all")
    await reddit.search("rust", "all", "new", "day")
    await reddit.info("t3_a,t3_b", "posts")
    assert [(query.fresh, query.priority) for query in upstream.asked] == [(True, Priority.NORMAL)] * 3
    assert FRESH.key == QUERY.key
