"""Reddit refuses for longer than a call may take: the whole path, from the tools down to PRAW and a scripted Reddit."""

import asyncio
import time
from pathlib import Path

from tests.support.reddit_shapes import t5
from tests.support.redis_store import until
from tests.support.request_budget import becomes
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.scripted_reddit import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.support.tools_in_process import call
from tests.support.whole_path import redis as redis  # noqa: PLC0414
from tests.support.whole_path import serving

KETTLES = Reply(body=t5())
CALL_SECONDS = 25
"""What a call may take (CALL_TIMEOUT)."""


def refusing(seconds: int) -> Reply:
    return Reply(429, {"message": "Too Many Requests", "error": 429}, {"retry-after": str(seconds)})


async def test_a_long_refusal_is_a_place_in_the_queue(reddit: ScriptedReddit, redis: str, tmp_path: Path) -> None:
    reddit.answer = lambda _request: KETTLES
    async with serving(reddit, redis, tmp_path) as server:
        assert (await call(server.mcp, "get_subreddit_info", subreddit="cached"))["metadata"]["reddit_api_calls"] == 1
        reddit.answer = lambda _request: refusing(120)
        content = await call(server.mcp, "get_subreddit_info", subreddit="kettles")
        error = content["error"]
        assert error["type"] == "rate_limited"
        data = error["data"]
        assert (data["limit_type"], data["status"], data["position"]) == ("reddit_api", "queued", 1)
        assert 120 - CALL_SECONDS < data["retry_after_seconds"] <= 120, "nobody waited for the end of a call's time"
        assert data["estimated_wait_seconds"] == data["retry_after_seconds"]
        assert data["status_url"] == f"/queue/status/{data['request_id']}"
        notice = await server.outbound.tickets.read(data["request_id"], "local")
        assert notice
        assert (notice.status, notice.position) == ("queued", 1)
        cached = await call(server.mcp, "get_subreddit_info", subreddit="cached")
        assert cached["metadata"]["cached"]
        assert len(reddit.requests) == 2, "one refusal is enough for everybody"


async def test_the_queued_work_is_done_when_the_wait_is_over(
    reddit: ScriptedReddit, redis: str, tmp_path: Path
) -> None:
    replies = [refusing(6)]

    def answer(_request: Request) -> Reply:
        return replies.pop() if replies else KETTLES

    reddit.answer = answer
    async with serving(reddit, redis, tmp_path, call_timeout=5.0) as server:
        started = time.monotonic()
        errors = await asyncio.gather(*(call(server.mcp, "get_subreddit_info", subreddit="kettles") for _ in range(3)))
        assert {error["error"]["data"]["status"] for error in errors} == {"queued"}
        assert len({error["error"]["data"]["request_id"] for error in errors}) == 1
        await until(lambda: len(reddit.requests) == 2)
        assert time.monotonic() - started >= 6, "not before Reddit said"

        async def is_cached() -> bool:
            content = await call(server.mcp, "get_subreddit_info", subreddit="kettles")
            return bool(content["metadata"]["cached"])

        await becomes(is_cached)
        assert len(reddit.requests) == 2, "nobody asked again"
        notice = await server.outbound.tickets.read(errors[0]["error"]["data"]["request_id"], "local")
        assert notice
        assert notice.status == "completed"


async def test_a_short_refusal_is_waited_out(reddit: ScriptedReddit, redis: str, tmp_path: Path) -> None:
    replies = [refusing(1)]
    reddit.answer = lambda _request: replies.pop() if replies else KETTLES
    async with serving(reddit, redis, tmp_path) as server:
        content = await call(server.mcp, "get_subreddit_info", subreddit="kettles")
        assert content["metadata"]["reddit_api_calls"] == 2


async def test_everybody_refused_at_once_is_queued(reddit: ScriptedReddit, redis: str, tmp_path: Path) -> None:
    """Reddit's own word of its window may stop a request that holds a token already."""
    headers = {"retry-after": "120", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "120"}
    reddit.answer = lambda _request: Reply(429, {"error": 429}, headers)
    async with serving(reddit, redis, tmp_path) as server:
        names = [f"kettles{number}" for number in range(20)]
        errors = await asyncio.gather(*(call(server.mcp, "get_subreddit_info", subreddit=name) for name in names))
        assert {error["error"]["data"].get("status") for error in errors} == {"queued"}
        assert all(120 - CALL_SECONDS < error["error"]["data"]["retry_after_seconds"] <= 120 for error in errors)
        assert len(reddit.requests) <= 8
