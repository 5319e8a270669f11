"""What is told of requests is what Reddit received: failed attempts count, the token endpoint's own do not."""

import asyncio
from typing import Any

import pytest
import stamina

from reddit_mcp.errors import Failure
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_breaker import Guarded
from reddit_mcp.upstream.resilience.retry import Retry, RetryRules
from tests.chaos.test_outage import QUERY, upstream  # noqa: F401 - a fixture
from tests.support.redis_store import fake_store
from tests.support.scripted_reddit import Reply


def _application(url: str) -> RedditApplication:
    return RedditApplication("id", "secret", "test:chaos:1 (by /u/test)", url, url, 0.5)


async def test_failed_attempts_are_counted(upstream: Any) -> None:  # noqa: F811
    praw = PrawTransport(_application(upstream.url))
    retry = Retry(praw, RetryRules(), lambda: False)
    with stamina.set_testing(True, attempts=10, cap=True):
        upstream.once = ["503", "html"]
        assert (await retry.fetch(QUERY)).calls == 3
        upstream.once = ["hang"]
        assert (await retry.fetch(QUERY)).calls == 2
        upstream.mood = "503"
        with pytest.raises(Failure) as failed:
            await retry.fetch(QUERY)
    assert failed.value.calls == 3
    await praw.aclose()


async def test_the_token_endpoint_has_a_breaker_of_its_own(upstream: Any) -> None:  # noqa: F811
    loop = asyncio.get_running_loop()
    async with fake_store() as store:
        breakers = BreakerRegistry(store)
        guard = breakers.get("reddit_token")
        praw = PrawTransport(_application(upstream.url), sign_in_guard=lambda: guard.guard_in_thread(loop))
        guarded = Guarded(praw, breakers.get("reddit"))
        upstream.token = lambda _number: Reply(503, b"x")
        ends = []
        for _ in range(7):
            with pytest.raises(Failure) as failed:
                await guarded.fetch(QUERY)
            data = failed.value.data
            ends.append((failed.value.type, data.get("upstream_service") or data.get("service"), failed.value.calls))
        assert ends == [("upstream_error", "reddit_token", 0)] * 5 + [("unavailable", "reddit_token", 0)] * 2
        assert breakers.get("reddit").state == "closed"
        await breakers.aclose()
        await praw.aclose()
