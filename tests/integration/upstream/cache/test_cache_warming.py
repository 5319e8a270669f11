"""CACHE_WARMING over the whole path: PRAW, the queue, a real Redis, a scripted Reddit."""

import asyncio
from pathlib import Path

from reddit_mcp.upstream.cache.cache_warming import FRONT_PAGE
from tests.support.patience import PATIENCE_SECONDS
from tests.support.reddit_shapes import listing, t3
from tests.support.redis_store import until
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.scripted_reddit import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.support.tools_in_process import call
from tests.support.whole_path import redis as redis  # noqa: PLC0414
from tests.support.whole_path import serving

POSTS = Reply(body=listing(*(t3(f"p{number}") for number in range(3))))
ALL = 2 * len(FRONT_PAGE)


async def test_the_front_page_answers_without_a_request(reddit: ScriptedReddit, redis: str, tmp_path: Path) -> None:
    reddit.answer = lambda _request: POSTS
    both = {"cache_warming": True, "reddit_qpm": 6000}
    async with serving(reddit, redis, tmp_path, **both) as one, serving(reddit, redis, tmp_path, **both) as two:
        await until(lambda: len(reddit.requests) == ALL)
        await until(lambda: one.outbound.queue.bulkhead.in_use + two.outbound.queue.bulkhead.in_use == 0)
        for server in (one, two):
            for name in FRONT_PAGE:
                for sort in ("hot", "top"):
                    content = await call(server.mcp, "get_subreddit_posts", subreddit=name, sort=sort)
                    assert content["metadata"]["reddit_api_calls"] == 0
                    assert content["metadata"]["cached"]
    assert len(reddit.requests) == ALL, "one replica fetched for both"


async def test_nothing_is_warmed_unless_it_is_asked_for(reddit: ScriptedReddit, redis: str, tmp_path: Path) -> None:
    reddit.answer = lambda _request: POSTS
    async with serving(reddit, redis, tmp_path, reddit_qpm=6000) as server:
        content = await call(server.mcp, "get_subreddit_posts", subreddit="aww")
        assert content["metadata"]["reddit_api_calls"] == 1
    assert len(reddit.requests) == 1


async def test_a_reddit_that_is_down_is_left_alone(reddit: ScriptedReddit, redis: str, tmp_path: Path) -> None:
    reddit.answer = lambda _request: Reply(503, b"x")
    quick = {"retry_base": 0.01, "breaker_failures": 4, "reddit_qpm": 6000}
    async with serving(reddit, redis, tmp_path, cache_warming=True, **quick) as server:
        await until(lambda: server.outbound.breakers.get("reddit").is_open)
    assert len(reddit.requests) == 4


async def test_a_reddit_that_hangs_delays_neither_start_nor_end(
    reddit: ScriptedReddit, redis: str, tmp_path: Path
) -> None:
    def hang(_request: Request) -> Reply:
        reddit.closing.wait()
        return POSTS

    reddit.answer = hang
    unending = {"reddit_timeout": 600.0, "call_timeout": 600.0}
    async with asyncio.timeout(PATIENCE_SECONDS), serving(reddit, redis, tmp_path, cache_warming=True, **unending):
        await until(lambda: len(reddit.requests) == 1)
