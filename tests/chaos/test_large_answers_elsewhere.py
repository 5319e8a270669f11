"""The other upstreams that answer without end: OAuth issuers, the Apify platform, receivers of webhooks."""

import asyncio
import contextlib
import gzip

import httpx
import pytest
from fakeredis import FakeServer
from pydantic import SecretStr

from reddit_mcp.actor.charge_api import NAME, Charge, ChargeApi, Outcome
from reddit_mcp.actor.client import open_client
from reddit_mcp.actor.pricing import terms
from reddit_mcp.errors import Unavailable
from reddit_mcp.reddit.breakers import Breakers
from reddit_mcp.server.issuer_keys import IssuerKeys
from reddit_mcp.settings import ApifyRun
from reddit_mcp.watches.addresses import Addresses
from reddit_mcp.watches.webhooks import NotDelivered, Webhooks
from tests.chaos.test_large_answers import ANSWERS
from tests.large_answers import within
from tests.praw_things import always
from tests.praw_things import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.scripted_reddit import Reply, ScriptedReddit
from tests.storage_fixtures import fake_store
from tests.webhook_things import SIGNING, resolving

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
        breakers = Breakers(store)
        api = ChargeApi(client, "run-1", breakers.get(NAME), run_pays=True)
        with within():
            charges = (api.charge(Charge("tool-call", f"key-{number}")) for number in range(4))
            outcomes = await asyncio.gather(*charges)
        await breakers.aclose()
    assert set(outcomes) == {Outcome.UNKNOWN}


async def test_the_platform_s_packed_answer_is_read(reddit: ScriptedReddit) -> None:
    reddit.answer = always(Reply(201, gzip.compress(b"{}"), {"content-encoding": "gzip"}))
    async with fake_store(FakeServer()) as store, open_client(run_at(reddit.url)) as client:
        breakers = Breakers(store)
        api = ChargeApi(client, "run-1", breakers.get(NAME), run_pays=True)
        assert await api.charge(Charge("tool-call", "key-1")) is Outcome.BOOKED
        await breakers.aclose()
    [request] = reddit.requests
    assert request.headers["authorization"] == "Bearer token"


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_receiver(reddit: ScriptedReddit, name: str) -> None:
    """Its status is all that is read; a head without end is a fault of its own."""
    reddit.answer = always(ANSWERS[name])
    addresses = Addresses(resolving({}), development=True)
    async with fake_store(FakeServer()) as store:
        breakers = Breakers(store)
        async with Webhooks(addresses, breakers, deadline=5.0) as webhooks:
            with within(), contextlib.suppress(NotDelivered):
                await webhooks.send(f"{reddit.url}/in", "msg_1", "{}", SECRET)
        await breakers.aclose()
    assert len(reddit.requests) == 1
