"""Webhooks from real processes: from a match to its receiver, and through the death of who was sending."""

import asyncio
import contextlib
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from standardwebhooks import Webhook

from reddit_mcp.models import Match, Watch
from reddit_mcp.settings import Settings
from reddit_mcp.storage.api_keys.master_secrets import open_secrets
from reddit_mcp.storage.redis.open_store import open_store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.storage.watches.delivery_records import DeliveryRecords
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.watches.background_jobs import BackgroundJobs
from reddit_mcp.watches.ports import SystemClock
from reddit_mcp.watches.webhooks.delivery_pipeline import open_delivery_pipeline
from reddit_mcp.watches.webhooks.webhook_signing import SigningSecrets
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import a_watch, until
from tests.support.server_process import command, server
from tests.support.tool_calls import asking
from tests.support.webhook_receiver import Receiver, answer, eventually, hang, receiving

FAR = 4_000_000_000
"""A check that is not due in these tests."""


async def test_a_match_reaches_its_receiver_signed_with_the_secret_that_only_create_showed(tmp_path: Path) -> None:
    async with receiving() as receiver:
        with server(tmp_path, ENVIRONMENT="development") as url:
            async with asking(url) as ask:
                newest = (await ask("get_subreddit_posts", subreddit="all", sort="new", limit=1))["posts"][0]
                word = max(re.findall(r"[A-Za-z]+", newest["title"]), key=len)
                made = await _created(ask, word, receiver.url)
                await until(lambda: bool(receiver.requests))
                matches = await _delivered(ask, made["watch_id"])
                listed = (await ask("watch_keywords", action="list"))["watches"]
            async with Client(url + "/mcp") as client:
                resource = await client.read_resource(f"reddit://watches/{made['watch_id']}")
    request = receiver.requests[0]
    message = Webhook(made["webhook_secret"]).verify(request.body, request.headers)
    assert message["data"]["match"] in [match for match in matches if match.pop("delivery")]
    assert "webhook_secret" not in listed[0]
    assert "secret" not in resource.model_dump_json()
    stored = b"".join(file.read_bytes() for file in (tmp_path / "store").rglob("*") if file.is_file())
    assert made["watch_id"].encode() in stored
    assert b"whsec_" not in stored


async def test_a_private_address_is_refused_when_the_watch_is_made(tmp_path: Path) -> None:
    with server(tmp_path) as url:
        async with asking(url) as ask:
            for address in (
                "http://127.0.0.1:8000/",
                "https://2130706433/",
                "https://169.254.169.254/",
                "https://a.invalid/",
            ):
                answer = await ask("watch_keywords", action="create", keywords=["tea"], webhook_url=address)
                assert answer["error"]["type"] == "invalid_input"
                assert answer["error"]["data"]["issues"][0]["field"] == "webhook_url"
            assert (await ask("watch_keywords", action="list"))["watches"] == []


async def test_a_killed_sender_is_replaced_and_repeats_with_the_same_id(tmp_path: Path) -> None:
    async with receiving() as receiver, _message(tmp_path, receiver) as (watch, deliveries):
        receiver.answers = [hang, answer()]
        with command("worker", data_dir=tmp_path, ENVIRONMENT="development") as first:
            await until(lambda: bool(receiver.requests))
            await asyncio.to_thread(_kill, first)
        with command("worker", data_dir=tmp_path, ENVIRONMENT="development"):
            await until(lambda: len(receiver.requests) > 1)
            await eventually(
                lambda: deliveries.get(watch.watch_id, ["m1"]), lambda found: found["m1"].state == "delivered"
            )
        assert receiver.ids == [f"msg_{watch.watch_id}_m1"] * 2
        assert receiver.requests[0].body == receiver.requests[1].body


@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("worker",)])
async def test_a_stopped_sender_finishes_what_a_slow_receiver_takes(tmp_path: Path, words: tuple[str, ...]) -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(8)
        writer.write(answer())

    async with receiving() as receiver, _message(tmp_path, receiver) as (watch, deliveries):
        receiver.answers = [slow]
        with command(*words, data_dir=tmp_path, ENVIRONMENT="development") as first:
            await until(lambda: bool(receiver.requests))
            first.terminate()
            with command("worker", data_dir=tmp_path, ENVIRONMENT="development"):  # which would take it over
                assert await asyncio.to_thread(first.wait, PATIENCE_SECONDS) == 0
                found = await deliveries.get(watch.watch_id, ["m1"])
        assert (found["m1"].state, found["m1"].attempts) == ("delivered", 1)
        assert receiver.ids == [f"msg_{watch.watch_id}_m1"]


@contextlib.asynccontextmanager
async def _message(data_dir: Path, receiver: Receiver) -> AsyncIterator[tuple[Watch, DeliveryRecords]]:
    """A match on its way to a receiver, for whichever process comes."""
    settings = Settings(_env_file=None, data_dir=data_dir, environment="development", redis_url=None)
    async with open_store(settings) as store:
        secrets, clock = open_secrets(settings), SystemClock()
        _, sealed = SigningSecrets(secrets).draw()
        watch = a_watch(webhook_url=receiver.url, webhook_secret=sealed, next_check_utc=FAR)
        await WatchStore(store).create(watch, limit=1)
        opened = open_delivery_pipeline(
            store, secrets, BreakerRegistry(store), BackgroundJobs(store, clock), PubSub(store), clock, development=True
        )
        async with opened as carriage:
            await carriage.messenger.matched(watch, [_match(watch)])
        yield watch, DeliveryRecords(store)


async def _created(ask: Any, word: str, url: str) -> Any:
    wanted = {"keywords": [word], "alert_threshold": "any", "webhook_url": url}
    return (await ask("watch_keywords", action="create", **wanted))["watch"]


async def _delivered(ask: Any, watch_id: str) -> Any:
    """The matches, as soon as all of them have been delivered."""
    page = await eventually(
        lambda: ask("watch_keywords", action="matches", watch_id=watch_id),
        lambda page: {match.get("delivery", {}).get("state") for match in page["matches"]} == {"delivered"},
    )
    assert page["watch"]["webhook"]["state"] == "ok"
    return page["matches"]


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def _match(watch: Watch) -> Match:
    return Match(match_id="m1", watch_id=watch.watch_id, keyword="lua", why="?", post={}, sentiment=0.0, matched_utc=1)
