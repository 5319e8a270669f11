"""Carrying matches to webhooks: each once, again after failures for twelve hours, and then no more."""

import asyncio
import json

import pytest
from standardwebhooks import Webhook

from reddit_mcp.errors import NotFound
from reddit_mcp.models import Watch
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets
from reddit_mcp.storage.watches.delivery_records import MOST_DEAD_LETTERS, MOST_DELIVERIES, DeliveryState
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules
from reddit_mcp.watches.webhooks.match_delivery import LAST_SECONDS, LONGEST_FAILING, RETRY_SECONDS
from reddit_mcp.watches.webhooks.webhook_signing import SigningSecrets
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import PREFIX
from tests.support.webhook_deliveries import Post, a_match, posting
from tests.support.webhook_receiver import START, answer, eventually


async def test_a_match_arrives_once_however_often_it_is_told() -> None:
    async with posting() as post:
        await post.matched("m1", "m2")
        await post.matched("m1", "m2")
        assert (await post.ends("m1")).attempts == 1
        await post.ends("m2")
        await post.matched("m1", "m2")
        await post.matched("m3")
        await post.ends("m3")
        ids = [f"msg_{post.watch.watch_id}_{name}" for name in ("m1", "m2", "m3")]
        assert sorted(post.receiver.ids) == sorted(ids)
        request = post.receiver.requests[0]
        message = Webhook(post.secret).verify(request.body, request.headers)
        assert message["type"] == "watch.matched"
        assert message["timestamp"] == "2023-11-14T22:13:20Z"
        name = message["data"]["match"]["match_id"]
        assert message["data"] == {"watch_id": post.watch.watch_id, "match": a_match(post.watch, name).model_dump()}


async def test_a_watch_without_a_webhook_sends_nothing() -> None:
    async with posting() as post:
        await post.messenger.matched(post.watch.model_copy(update={"webhook_url": None}), [a_match(post.watch)])
        await post.messenger.matched(post.watch, [])
        assert await post.deliveries.get(post.watch.watch_id, ["m1"]) == {}


async def test_six_retries_over_twelve_hours_and_then_a_dead_letter() -> None:
    async with posting(answer(500)) as post:
        await post.matched("m1")
        for attempts, wait in enumerate(RETRY_SECONDS, 1):
            state = await post.ends(attempts=attempts)
            assert state.next_attempt_utc == int(post.clock.now()) + wait
            post.clock.go_on(wait - 1)
            assert len(post.receiver.requests) == attempts
            post.clock.go_on(1)
        dead = await post.ends()
        assert (dead.state, dead.attempts, dead.error) == ("failed", 7, "The receiver answered 500.")
        assert dead.ended_utc == START + LAST_SECONDS == START + 12 * 3600
        assert len(post.receiver.requests) == 7
        assert len({(request.headers["webhook-id"], request.body) for request in post.receiver.requests}) == 1
        health = await post.receivers.health(await post.now())
        assert (health["state"], health["failing_since_utc"], health["given_up"]) == ("failing", START, 1)
        letter = health["dead_letters"][0]
        assert (letter["match_id"], letter["attempts"], letter["state"]) == ("m1", 7, "failed")
        assert (await post.receivers.deliveries(post.watch.watch_id, ["m1", "m2"])).keys() == {"m1"}


async def test_a_job_that_comes_early_waits_for_the_time_of_its_retry() -> None:
    async with posting(answer(500), answer()) as post:
        await post.matched("m1")
        await post.ends(attempts=1)
        early = {"owner": "ada", "match": a_match(post.watch, "m1").model_dump(mode="json")}
        await post.jobs.enqueue("webhook", "of a process that died", early)
        await post.matched("m2")
        await post.ends("m2")
        assert (await post.state("m1")).attempts == 1
        post.clock.go_on(60)
        assert (await post.ends("m1")).attempts == 2


async def test_a_receiver_that_comes_back_gets_what_it_missed() -> None:
    async with posting(answer(500), answer(204)) as post:
        await post.matched("m1")
        await post.ends(attempts=1)
        assert (await post.receivers.health(await post.now()))["state"] == "failing"
        post.clock.go_on(60)
        assert (await post.ends()).state == "delivered"
        assert len(set(post.receiver.ids)) == 1
        await eventually(lambda: post.receivers.health(post.watch), lambda health: health["state"] == "ok")


async def test_the_receivers_own_wait_counts_within_the_twelve_hours() -> None:
    async with posting(answer(429, "retry-after: 600\r\n"), answer(503, "retry-after: 999999\r\n"), answer()) as post:
        await post.matched("m1")
        assert (await post.ends(attempts=1)).next_attempt_utc == START + 600
        post.clock.go_on(600)
        assert (await post.ends(attempts=2)).next_attempt_utc == START + LAST_SECONDS
        post.clock.go_on(LAST_SECONDS - 600)
        assert (await post.ends()).attempts == 3


async def test_a_refusing_breaker_costs_no_attempt() -> None:
    async with posting(answer(500), answer(), rules=BreakerRules(failures=1, wait=0.3)) as post:
        await post.matched("m1")
        await post.ends(attempts=1)
        post.clock.go_on(60)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await post.state()).state == "pending":
                post.clock.go_on(1)
                await asyncio.sleep(0.02)
        assert (await post.state()).attempts == 2
        assert len(post.receiver.requests) == 2


async def test_gone_pauses_the_watch_and_what_waits_is_given_up() -> None:
    async with posting(answer(500), answer(410)) as post:
        await post.matched("m1")
        await post.ends("m1", attempts=1)
        await post.matched("m2")
        assert (await post.ends("m2")).state == "failed"
        watch = await _paused(post)
        assert "410" in (watch.pause_reason or "")
        post.clock.go_on(60)
        assert "The watch was paused" in ((await post.ends("m1")).error or "")
        assert len(post.receiver.requests) == 2


async def test_three_days_of_failure_pause_the_watch_and_resuming_is_a_new_start() -> None:
    async with posting(answer(500)) as post:
        await post.matched("m1")
        await post.ends("m1", attempts=1)
        assert (await post.now()).status == "active"
        post.clock.go_on(LONGEST_FAILING)
        await post.ends("m1")
        watch = await _paused(post)
        assert "failed for 3 days" in (watch.pause_reason or "")
        resumed = await post.watches.set_status("ada", watch.watch_id, "active")
        await post.receivers.restart(watch.watch_id)
        assert (resumed.status, resumed.pause_reason) == ("active", None)
        await post.matched("m2")
        await post.ends("m2", attempts=1)
        assert (await post.now()).status == "active"


async def test_a_deleted_watch_sends_nothing_more() -> None:
    async with posting(answer(500)) as post:
        await post.matched("m1")
        await post.ends(attempts=1)
        await post.watches.delete("ada", post.watch.watch_id)
        with pytest.raises(NotFound):
            await post.now()
        post.clock.go_on(60)
        await eventually(lambda: post.deliveries.get(post.watch.watch_id, ["m1"]), lambda found: not found)
        assert len(post.receiver.requests) == 1
        assert await post.deliveries.faults(post.watch.watch_id) is None


async def test_a_secret_outlives_the_rotation_of_masters_and_its_loss_is_said() -> None:
    _, old = SigningSecrets(MasterSecrets([b"o" * 32])).draw()
    async with posting(masters=(b"n" * 32, b"o" * 32), sealed=old) as post:
        await post.matched("m1")
        assert (await post.ends()).state == "delivered"
    async with posting(masters=(b"n" * 32,), sealed=old) as post:
        await post.matched("m1")
        lost = await post.ends()
        assert (lost.state, lost.attempts, len(post.receiver.requests)) == ("failed", 0, 0)
        assert "lost this watch's signing secret" in (lost.error or "")


async def test_what_is_kept_is_bounded_and_unreadable_states_are_passed_over() -> None:
    async with posting() as post:
        for number in range(MOST_DELIVERIES + 2):
            state = DeliveryState(state="failed", began_utc=number, ended_utc=number)
            await post.deliveries.put("w", f"m{number}", state)
        found = await post.deliveries.get("w", [f"m{number}" for number in range(MOST_DELIVERIES + 2)])
        assert len(found) == MOST_DELIVERIES
        assert {"m0", "m1"}.isdisjoint(found)
        letters = await post.deliveries.dead_letters("w")
        assert (len(letters), next(iter(letters))) == (MOST_DEAD_LETTERS, f"m{MOST_DELIVERIES + 1}")
        async with post.store.visit() as redis:
            await redis.hset(f"{PREFIX}deliveries:{{w}}", "m5", json.dumps({"state": "odd"}))
        assert await post.deliveries.get("w", ["m5"]) == {}
        await post.deliveries.forget("w")
        assert await post.deliveries.dead_letters("w") == {}


async def _paused(post: Post) -> Watch:
    """The watch, as soon as it is paused: that follows what became of the message."""
    return await eventually(post.now, lambda watch: watch.status == "paused")
