"""Whoever waits for work makes it as urgent as himself, and hears of its place in the queue."""

import asyncio
from typing import Any

import pytest

from reddit_mcp.errors import DeadlineExceeded
from reddit_mcp.storage.cache import flight_leases
from reddit_mcp.storage.cache.flight_leases import FlightLeases
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.rate_limit.priority_queue import PriorityQueue, Waiter
from reddit_mcp.upstream.single_flight import replica_flights
from reddit_mcp.upstream.single_flight.call_context import Flight, caller, deadline
from reddit_mcp.upstream.single_flight.coalescing import Coalescing
from reddit_mcp.upstream.source import Answer, Priority, Query
from tests.support.cache_layers import UPSTREAM, Layers, Upstream, begun, layers, question
from tests.support.coalescing_replicas import replica as replica  # noqa: PLC0414
from tests.support.coalescing_replicas import upstream as upstream  # noqa: PLC0414 - fixtures
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.redis_store import until
from tests.support.request_budget import Gate, ended, many, queue_over

LOW, HIGH = question(priority=Priority.LOW), question(priority=Priority.HIGH)


def calling(source: Coalescing, query: Query[Any], *, name: str = "ada", seconds: float | None = None) -> Any:
    async def call() -> Answer[Any]:
        caller.set(name)
        deadline.set(None if seconds is None else asyncio.get_running_loop().time() + seconds)
        return await source.fetch(query)

    return asyncio.create_task(call())


def in_flight(replica: Layers) -> Flight:
    return replica.coalesce._shared[LOW.key].flight


async def test_in_line_it_goes_behind_those_as_urgent_and_before_the_others() -> None:
    line, until = PriorityQueue(), asyncio.get_running_loop().time() + 5
    first, normal, moved = (Waiter(priority, "ada", None, until) for priority in (1, 2, 3))  # type: ignore[arg-type]
    for each in (first, normal, moved):
        line.join(each)
    line.move(moved, Priority.HIGH)
    assert list(line) == [first, moved, normal]
    line.move(moved, Priority.LOW)
    assert list(line) == [first, moved, normal], "nobody is made less urgent"
    line.leave(moved)
    line.move(moved, Priority.CRITICAL)
    assert list(line) == [first, normal], "whoever has left stays out"


async def test_a_flight_that_somebody_waits_for_is_served_before_others(store: Store) -> None:
    gate = Gate()
    async with queue_over(gate, store, places=1, span=0.01) as queue:
        flown = await many(queue, 1)
        await until(lambda: gate.inside == 1)
        flown += await many(queue, 2, Priority.NORMAL)
        flown += await many(queue, 2, Priority.LOW)
        flown[-1].flight.urge(Priority.HIGH)
        gate.open.set()
        await ended(flown)
    assert gate.names[1] == "r/LOW1/about"
    assert gate.names[-1] == "r/LOW0/about"


async def test_a_joiner_makes_it_urgent_and_gives_it_time(replica: Layers, upstream: Upstream) -> None:
    renewal = calling(replica.coalesce, LOW, seconds=0.3)
    await begun(upstream, renewal)
    joined = calling(replica.coalesce, HIGH, name="bob")
    await until(lambda: in_flight(replica).priority is Priority.HIGH)
    assert in_flight(replica).callers == {"ada", "bob"}
    with pytest.raises(DeadlineExceeded):
        await renewal
    upstream.gate.set()
    assert (await joined).calls == 0
    assert len(upstream.asked) == 1


async def test_who_joins_before_it_has_begun_counts_too(replica: Layers, upstream: Upstream) -> None:
    calls = [calling(replica.coalesce, LOW, seconds=0.2), calling(replica.coalesce, HIGH)]
    with pytest.raises(DeadlineExceeded):
        await calls[0]
    upstream.gate.set()
    assert (await calls[1]).calls == 0


async def test_a_less_urgent_joiner_changes_nothing(replica: Layers, upstream: Upstream) -> None:
    calls = [calling(replica.coalesce, HIGH), calling(replica.coalesce, LOW, name="bob")]
    await begun(upstream)
    await until(lambda: in_flight(replica).callers == {"ada", "bob"})
    assert in_flight(replica).priority is Priority.HIGH
    upstream.gate.set()
    await asyncio.gather(*calls)


async def test_work_for_another_flight_is_as_urgent_as_that_one(
    store: Store, replica: Layers, upstream: Upstream
) -> None:
    class Finished:
        """Asks the layers below, as a finished result does for its parts."""

        async def fetch(self, query: Query[Any]) -> Answer[Any]:
            return await replica.coalesce.fetch(LOW)

    async with Coalescing(Finished(), replica.answers, FlightLeases(store, "above")) as above:
        calls = [calling(above, question("/above", priority=Priority.LOW))]
        await begun(upstream)
        assert in_flight(replica).priority is Priority.LOW
        calls.append(calling(above, question("/above"), name="bob"))
        await until(lambda: in_flight(replica).priority is Priority.HIGH)
        assert in_flight(replica).callers == {"ada", "bob"}, "they may all ask for its state"
        upstream.gate.set()
        await asyncio.gather(*calls)


async def test_it_is_heard_by_the_replica_that_asks(
    store: Store, replica: Layers, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (replica_flights, flight_leases):
        monkeypatch.setattr(module, "LEASE_SECONDS", 1.5)
    async with layers(store, upstream) as other:
        calls = [calling(replica.coalesce, LOW)]
        await begun(upstream)
        calls.append(calling(other.coalesce, HIGH, name="bob"))
        await until(lambda: in_flight(replica).priority is Priority.HIGH)
        assert in_flight(replica).callers == {"ada", "bob"}
        upstream.gate.set()
        await asyncio.gather(*calls)
    assert len(upstream.asked) == 1


async def test_a_flight_nobody_else_waits_for_has_no_news(store: Store) -> None:
    alone = FlightLeases(store, UPSTREAM)
    await alone.take(LOW.key, "me")
    assert await alone.renew(LOW.key, "me") == flight_leases.Wanted(None, frozenset())
    assert await alone.renew(LOW.key, "somebody else") == flight_leases.Wanted(None, frozenset())
    await alone.take(LOW.key, "you", priority=2, callers=["bob"])
    await alone.take(LOW.key, "they", priority=3)
    assert await alone.renew(LOW.key, "me") == flight_leases.Wanted(2, frozenset({"bob"}))
