import asyncio

import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import Internal, NotFound, RateLimited, UpstreamError
from reddit_mcp.storage.cache import flight_leases
from reddit_mcp.storage.cache.flight_leases import FlightLeases
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.single_flight import replica_flights
from reddit_mcp.upstream.single_flight.call_context import Ticket
from tests.support.cache_layers import UPSTREAM, Layers, Upstream, ask, begun, layers, page, question
from tests.support.coalescing_replicas import other as other  # noqa: PLC0414
from tests.support.coalescing_replicas import replica as replica  # noqa: PLC0414
from tests.support.coalescing_replicas import upstream as upstream  # noqa: PLC0414 - fixtures
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.redis_store import until

QUERY = question(ttl=100)
TICKET = Ticket("q1", 7, 90.0)


@pytest.fixture
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (replica_flights, flight_leases):
        monkeypatch.setattr(module, "LEASE_SECONDS", 1.5)


async def test_two_replicas_ask_once(replica: Layers, other: Layers, upstream: Upstream) -> None:
    calls = ask(replica, QUERY, 50) + ask(other, QUERY, 50)
    await begun(upstream, *calls)
    upstream.gate.set()
    answers = await asyncio.gather(*calls)
    assert len(upstream.asked) == 1
    assert sum(answer.calls for answer in answers) == 1
    assert {(answer.value, answer.cached) for answer in answers} == {(page("n1"), False)}


async def test_replicas_share_a_failure_and_only_that_one(replica: Layers, other: Layers, upstream: Upstream) -> None:
    upstream.failure = NotFound("no such community", resource="community r/python")
    calls = ask(replica, QUERY) + ask(other, QUERY)
    await begun(upstream, *calls)
    upstream.gate.set()
    for failure in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(failure, NotFound)
        assert failure.data["resource"] == "community r/python"
    assert len(upstream.asked) == 1
    upstream.failure = None
    assert (await other.cache.fetch(QUERY)).calls == 1


@pytest.mark.usefixtures("short_leases")
async def test_replicas_share_a_ticket(store: Store, replica: Layers, upstream: Upstream) -> None:
    [call] = ask(replica, QUERY)
    await begun(upstream, call)
    replica.coalesce._shared[QUERY.key].flight.announce(TICKET)
    async with layers(store, upstream) as other:
        [elsewhere] = ask(other, QUERY, seconds=25)
        with pytest.raises(RateLimited) as refusal:
            await elsewhere
        assert refusal.value.data["position"] == 7
        upstream.gate.set()
        assert (await call).calls == 1
        await until(lambda: not other.coalesce._shared)


@pytest.mark.usefixtures("short_leases")
async def test_a_dead_owner_is_followed(store: Store, replica: Layers, upstream: Upstream) -> None:
    dead = FlightLeases(store, UPSTREAM)
    await dead.take(QUERY.key, "dead")
    upstream.gate.set()
    assert (await replica.cache.fetch(QUERY)).calls == 1


@pytest.mark.usefixtures("short_leases")
async def test_a_living_owner_is_not(replica: Layers, other: Layers, upstream: Upstream) -> None:
    calls = ask(replica, QUERY) + ask(other, QUERY)
    await begun(upstream, *calls)
    lease = asyncio.get_running_loop().time() + 3 * flight_leases.LEASE_SECONDS
    await until(lambda: asyncio.get_running_loop().time() > lease)
    upstream.gate.set()
    await asyncio.gather(*calls)
    assert len(upstream.asked) == 1


async def test_a_replica_that_ends_frees_its_questions(store: Store, upstream: Upstream) -> None:
    async with layers(store, upstream) as leaving:
        [call] = ask(leaving, QUERY)
        await begun(upstream, call)
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await FlightLeases(store, UPSTREAM).take(QUERY.key, "next")).owner == "next"


async def test_redis_that_goes_meanwhile_fails_nobody(
    replica: Layers, other: Layers, upstream: Upstream, server: FakeServer
) -> None:
    calls = ask(replica, QUERY, 5) + ask(other, QUERY, 5)
    await begun(upstream, *calls)
    server.connected = False
    upstream.gate.set()
    answers = await asyncio.gather(*calls)
    assert len(answers) == 10
    assert len(upstream.asked) <= 2


async def test_a_lease_is_kept_only_by_its_owner(store: Store) -> None:
    board = FlightLeases(store, UPSTREAM)
    assert (await board.take("q", "one")).owner == "one"
    assert (await board.take("q", "two")).owner == "one"
    await board.renew("q", "two", "never")
    await board.land("q", "two")
    await board.fail("q", "two", UpstreamError("not mine"))
    seen = await board.take("q", "two")
    assert (seen.owner, seen.ticket, seen.failure) == ("one", "", None)
    await board.renew("q", "one", "a ticket")
    await board.renew("q", "one")
    assert (await board.take("q", "two")).ticket == "a ticket"
    await board.land("q", "one")
    assert (await board.take("q", "two", "one")).owner == "two"


async def test_a_failure_waits_for_those_who_awaited_it(store: Store) -> None:
    board = FlightLeases(store, UPSTREAM)
    await board.take("q", "one")
    await board.fail("q", "one", RateLimited("spent", limit_type="reddit_api", retry_after_seconds=5))
    seen = await board.take("q", "two", "one")
    assert isinstance(seen.failure, RateLimited)
    assert seen.failure.data == {"limit_type": "reddit_api", "retry_after_seconds": 5}
    assert (await board.take("q", "three", "somebody else")).owner == "three"


async def test_a_failure_that_cannot_be_read_is_still_one(store: Store) -> None:
    board = FlightLeases(store, UPSTREAM)
    await board.take("q", "one")
    await board._write("q", "one", 1.0, "failure", '["of another release", "text", {}]')
    assert isinstance((await board.take("q", "two", "one")).failure, Internal)
