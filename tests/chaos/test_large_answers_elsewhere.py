"""The other upstreams that answer without end: OAuth issuers, the Apify platform, receivers of webhooks."""

import asyncio
import contextlib
import gzip

import httpx
import pytest
from fakeredis import FakeServer
from pydantic import SecretStr

from reddit_mcp.actor.charge_api import NAME, Charge, ChargeApi, Outcome
from reddit_mcp.actor.event_pricing import terms
from reddit_mcp.actor.platform_client import open_client
from reddit_mcp.auth.issuer_keys import IssuerKeys
from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import ApifyRun
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.watches.webhooks.address_check import AddressCheck
from reddit_mcp.watches.webhooks.webhook_sender import NotDelivered, WebhookSender
from tests.chaos.test_large_answers import ANSWERS
from tests.support.large_answers import within
from tests.support.praw_transport import always
from tests.support.praw_transport import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.support.redis_store import fake_store
from tests.support.scripted_reddit import Reply, ScriptedReddit
from tests.support.webhook_receiver import SIGNING, resolving

SECRET, _ = SIGNING.draw()
LARGE = [name for name in ANSWERS if name not in ("not found", "a redirect", "a redirect, packed")]


def run_at(url: str) -> ApifyRun:
    return ApifyRun.model_construct(token=SecretStr("token"), run_id="run-1", api_url=url)


@pytest.mark.parametrize("name", LARGE)
async def test_an_issuer(reddit: ScriptedReddit, name: str) -> None:
    reddit.answer = always(ANSWERS[name])
    async with httpx.AsyncClient(follow_redirects=False) as http:
        keys = IssuerKeys(reddit.url, http)
        with within(), pytest.raises(Unavailable):
            await keys.find("r1")


@pytest.mark.parametrize("name", ANSWERS)
async def test_the_platform_at_the_start(reddit: ScriptedReddit, name: str) -> None:
    reddit.answer = always(ANSWERS[name])
    async with open_client(run_at(reddit.url)) as client:
        with within(), pytest.raises(Unavailable):
            await terms(client, run_at(reddit.url))


@pytest.mark.parametrize("name", ["length", "no length", "chunks", "gzip", "twice"])
async def test_the_platform_while_charging(reddit: ScriptedReddit, name: str) -> None:
    reddit.answer = always(ANSWERS[name])
    async with fake_store(FakeServer()) as store, open_client(run_at(reddit.url)) as client:
        breakers = BreakerRegistry(store)
        api = ChargeApi(client, "run-1", breakers.get(NAME), run_pays=True)
        with within():
            charges = (api.charge(Charge("tool-call", f"key-{number}")) for number in range(4))
            outcomes = await asyncio.gather(*charges)
        await breakers.aclose()
    assert set(outcomes) == {Outcome.UNKNOWN}


async def test_the_platform_s_packed_answer_is_read(reddit: ScriptedReddit) -> None:
    reddit.answer = always(Reply(201, gzip.compress(b"{}"), {"content-encoding": "gzip"}))
    async with fake_store(FakeServer()) as store, open_client(run_at(reddit.url)) as client:
        breakers = BreakerRegistry(store)
        api = ChargeApi(client, "run-1", breakers.get(NAME), run_pays=True)
        assert await api.charge(Charge("tool-call", "key-1")) is Outcome.BOOKED
        await breakers.aclose()
    [request] = reddit.requests
    assert request.headers["authorization"] == "Bearer token"


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_receiver(reddit: ScriptedReddit, name: str) -> None:
    """Its status is all that is read; a head without end is a fault of its own."""
    reddit.answer = always(ANSWERS[name])
    addresses = AddressCheck(resolving({}), development=True)
    async with fake_store(FakeServer()) as store:
        breakers = BreakerRegistry(store)
        async with WebhookSender(addresses, breakers, deadline=5.0) as webhooks:
            with within(), contextlib.suppress(NotDelivered):
                await webhooks.send(f"{reddit.url}/in", "msg_1", "{}", SECRET)
        await breakers.aclose()
    assert len(reddit.requests) == 1
