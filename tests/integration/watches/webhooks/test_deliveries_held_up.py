"""Deliveries that a hanging receiver or an outage of Redis holds up."""

import asyncio
import contextlib

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.watches import background_jobs as jobs_module
from reddit_mcp.watches.webhooks.webhook_sender import PLACES_OF_HOST
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import a_watch, until
from tests.support.webhook_deliveries import Post, a_match, posting
from tests.support.webhook_receiver import answer, eventually, hang, receiving


async def test_a_hanging_receiver_holds_up_no_other_and_costs_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "DRAIN_SECONDS", 0.1)
    async with posting() as post, receiving() as other:
        post.receiver.answers = [hang]
        names = [f"m{number}" for number in range(50)]
        await post.matched(*names)
        await until(lambda: len(post.receiver.requests) == PLACES_OF_HOST)
        url = other.url.replace("127.0.0.1", "localhost")
        quick = a_watch("bob", webhook_url=url, webhook_secret=post.watch.webhook_secret)
        await post.watches.create(quick, limit=1)
        done = asyncio.Event()
        post.others.append(done)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await post.messenger.matched(quick, [a_match(quick)])
            await post.jobs.enqueue("other", "job", {})
            await done.wait()
            await until(lambda: other.ids == [f"msg_{quick.watch_id}_m1"])
        post.clock.go_on(60)
        await until(lambda: post.webhooks.places.refused > 1.5 * len(names))
        assert len(post.receiver.requests) == PLACES_OF_HOST
        states = await post.deliveries.get(post.watch.watch_id, names)
        assert {(state.state, state.attempts) for state in states.values()} == {("pending", 0)}


async def test_what_a_receiver_took_is_not_sent_again_for_an_outage_of_redis() -> None:
    async with posting() as post:
        await post.matched("m0")
        await post.ends("m0")

        async def outage(writer: asyncio.StreamWriter) -> None:
            post.server.connected = False
            writer.write(answer())

        post.receiver.answers = [outage]
        await post.matched("m1")
        await until(lambda: not post.server.connected and len(post.receiver.requests) == 2)
        post.server.connected = True
        await eventually(lambda: _is_delivered(post), bool)
        assert (await post.state("m1")).attempts == 1
        assert len(post.receiver.requests) == 2


async def _is_delivered(post: Post) -> bool:
    with contextlib.suppress(Unavailable):  # Redis has been away
        return (await post.state("m1")).state == "delivered"
    return False
