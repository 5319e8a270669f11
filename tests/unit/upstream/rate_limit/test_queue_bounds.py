"""Who is let into the queue, and what those hear who have to wait in it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from reddit_mcp.errors import NotFound, RateLimited, Unavailable
from reddit_mcp.storage.limits.queue_tickets import QueueTickets
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.single_flight import call_context
from reddit_mcp.upstream.source import Priority
from tests.support.redis_store import server as server  # noqa: PLC0414
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.redis_store import until
from tests.support.request_budget import Gate, Upstream, becomes, ended, many, query, queue_over, within
from tests.support.request_budget import gate as gate  # noqa: PLC0414 - fixtures


@pytest.fixture
def as_caller() -> Iterator[None]:
    before = call_context.caller.set("key-1")
    yield
    call_context.caller.reset(before)


async def test_beyond_its_length_it_refuses_the_newest_at_once(store: Store, gate: Gate) -> None:
    async with queue_over(gate, store, places=1, most=5) as queue:
        await many(queue, 1)
        await until(lambda: gate.inside == 1)
        flown = await many(queue, 7)
        await until(lambda: sum(each.task.done() for each in flown) == 2)
        for each in flown[5:]:
            with pytest.raises(Unavailable) as caught:
                await each.task
            assert caught.value.data == {"service": "reddit", "reason": "queue_full"}
        assert queue.depth == 5


async def test_a_full_queue_makes_room_for_its_betters(store: Store, gate: Gate) -> None:
    async with queue_over(gate, store, places=1, most=5) as queue:
        await many(queue, 1)
        await until(lambda: gate.inside == 1)
        low = await many(queue, 5, Priority.LOW)
        await becomes(lambda: _true(queue.depth == 5))
        high = await many(queue, 2)
        await until(lambda: low[4].task.done() and low[3].task.done())
        assert queue.depth == 5
        assert not any(each.task.done() for each in high + low[:3])


async def _true(value: bool) -> bool:
    return value


@pytest.mark.usefixtures("as_caller")
async def test_one_caller_may_have_so_many_and_others_are_not_touched(store: Store, gate: Gate) -> None:
    async with queue_over(gate, store, places=1, per_caller=4) as queue:
        await many(queue, 1)
        await until(lambda: gate.inside == 1)
        mine = await many(queue, 6)
        call_context.caller.set("key-2")
        others = await many(queue, 4, Priority.LOW)
        await until(lambda: mine[4].task.done() and mine[5].task.done())
        assert isinstance((await ended(mine[4:]))[0], Unavailable)
        assert not any(each.task.done() for each in mine[:4] + others)


async def test_bounds_count_what_waits_in_other_processes(store: Store, gate: Gate) -> None:
    call_context.caller.set("key-1")
    async with (
        queue_over(gate, store, "one", places=1, most=10, per_caller=4) as one,
        queue_over(gate, store, "two", places=1, most=10, per_caller=4) as two,
    ):
        await asyncio.gather(many(one, 1), many(two, 1))
        await until(lambda: gate.inside == 2)
        first = await many(one, 3)
        await becomes(lambda: _known(store, 3))
        second = await many(two, 3)
        await until(lambda: sum(each.task.done() for each in second) == 2)
        call_context.caller.set("key-2")
        third = await many(two, 4)
        await becomes(lambda: _known(store, 8))
        call_context.caller.set("key-3")
        fourth = await many(one, 4)
        await until(lambda: sum(each.task.done() for each in fourth) == 2)
        assert one.depth + two.depth == 10
        assert not any(each.task.done() for each in first + third)


async def _known(store: Store, count: int) -> bool:
    """Whether so many are known to wait over all processes."""
    async with store.visit() as redis:
        entries: list[Any] = await redis.hvals((await redis.keys("*budget-replicas*"))[0])
    said = [entry.decode().partition("|")[0].split()[1:5] for entry in entries]
    return sum(int(number) for numbers in said for number in numbers) == count


async def test_without_a_flight_who_cannot_wait_is_told_when_to_return(store: Store) -> None:
    async with queue_over(Upstream(), store, limit=1) as queue:
        await queue.fetch(query())
        within(5)
        with pytest.raises(RateLimited) as caught:
            await queue.fetch(query())
    assert "status" not in caught.value.data
    assert caught.value.data["limit_type"] == "reddit_api"
    assert 59 <= caught.value.data["retry_after_seconds"] <= 61


async def test_a_flight_is_announced_and_goes_on(store: Store) -> None:
    async with queue_over(Upstream(), store, limit=2, span=2.5) as queue:
        await queue.fetch(query())
        await queue.fetch(query())
        within(1)
        flown = (await many(queue, 1))[0]
        refused = await flown.outcome()
        assert isinstance(refused, RateLimited)
        assert refused.data["status"] == "queued"
        assert refused.data["position"] == 1
        assert refused.data["retry_after_seconds"] in (2, 3)
        tickets, request_id = QueueTickets(store), refused.data["request_id"]
        await becomes(lambda: _has_status(tickets, request_id, "queued"))
        assert (await tickets.read(request_id, "somebody")).status == "not_found"
        assert (await flown.task).calls == 1
        assert (await tickets.read(request_id, "local")).status == "completed"


async def _has_status(tickets: QueueTickets, request_id: str, status: str, owner: str = "local") -> bool:
    return (await tickets.read(request_id, owner)).status == status


async def test_a_caller_who_joins_a_queued_flight_may_read_of_it_too(store: Store) -> None:
    async with queue_over(Upstream(), store, limit=1, span=30) as queue:
        await queue.fetch(query())
        within(1)
        flown = (await many(queue, 1))[0]
        await flown.outcome()
        call_context.caller.set("key-2")
        refused = await flown.outcome()
        assert isinstance(refused, RateLimited)
        tickets = QueueTickets(store)
        await becomes(lambda: _has_status(tickets, refused.data["request_id"], "queued", "key-2"))
        await becomes(lambda: _has_status(tickets, refused.data["request_id"], "queued", "local"))


async def test_a_queued_request_that_is_given_up_says_so(store: Store) -> None:
    async with queue_over(Upstream(), store, limit=1, span=30) as queue:
        await queue.fetch(query())
        within(1)
        flown = (await many(queue, 1))[0]
        refused = await flown.outcome()
        assert isinstance(refused, RateLimited)
        await becomes(lambda: _has_status(QueueTickets(store), refused.data["request_id"], "queued"))
        flown.task.cancel()
        await ended([flown])
        assert await _has_status(QueueTickets(store), refused.data["request_id"], "failed")


async def test_a_queued_request_that_an_open_breaker_ends_says_so(store: Store, gate: Gate) -> None:
    gate.open.set()
    async with queue_over(gate, store, limit=1, span=30) as queue:
        await queue.fetch(query())
        within(1)
        flown = (await many(queue, 1))[0]
        refused = await flown.outcome()
        assert isinstance(refused, RateLimited)
        gate.is_open, gate.failure = True, Unavailable("Open.", service="reddit", reason="breaker_open")
        assert isinstance((await ended([flown]))[0], Unavailable)
        assert await _has_status(QueueTickets(store), refused.data["request_id"], "failed")


async def test_a_failed_request_says_so_to_those_who_ask_later(store: Store, gate: Gate) -> None:
    gate.failure = NotFound("There is no community r/x on Reddit; check the spelling.")
    async with queue_over(gate, store, places=1, limit=2, span=2) as queue:
        flown = await many(queue, 3)
        within(1)
        await until(lambda: gate.inside == 1)
        gate.open.set()
        refused = await flown[2].outcome()
        assert isinstance(refused, RateLimited)
        await ended(flown)
        notice = await QueueTickets(store).read(refused.data["request_id"], "local")
        assert (notice.status, notice.message) == ("failed", str(gate.failure))
