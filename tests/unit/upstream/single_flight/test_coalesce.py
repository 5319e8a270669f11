import asyncio
import gc

import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import DeadlineExceeded, NotFound, RateLimited, UpstreamError
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.single_flight import coalescing
from reddit_mcp.upstream.single_flight.call_context import Ticket, current_flight, deadline, remaining
from reddit_mcp.upstream.single_flight.coalescing import MARGIN_SECONDS
from reddit_mcp.upstream.source import Priority
from tests.support.cache_layers import Layers, Upstream, ask, begun, layers, page, question
from tests.support.clocks import Clock
from tests.support.coalescing_replicas import other as other  # noqa: PLC0414
from tests.support.coalescing_replicas import replica as replica  # noqa: PLC0414
from tests.support.coalescing_replicas import upstream as upstream  # noqa: PLC0414 - fixtures
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.redis_store import until

QUERY = question(ttl=100)
TICKET = Ticket("q1", 7, 90.0)


async def test_a_hundred_cold_calls_are_one_request(replica: Layers, upstream: Upstream) -> None:
    calls = ask(replica, QUERY, 100)
    await begun(upstream, *calls)
    upstream.gate.set()
    answers = await asyncio.gather(*calls)
    assert len(upstream.asked) == 1
    assert [answer.calls for answer in answers] == [1] + [0] * 99
    assert {(answer.value, answer.cached) for answer in answers} == {(page("n1"), False)}


async def test_different_questions_do_not_meet(replica: Layers, upstream: Upstream) -> None:
    upstream.gate.set()
    paths = ("/a", "/b", "/c")
    await asyncio.gather(*(replica.cache.fetch(question(path)) for path in paths))
    assert [query.path for query in upstream.asked] == list(paths)


async def test_the_first_caller_gives_up_and_the_others_are_answered(replica: Layers, upstream: Upstream) -> None:
    first, *others = ask(replica, QUERY, 5)
    await begun(upstream)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    upstream.gate.set()
    assert [answer.value for answer in await asyncio.gather(*others)] == [page("n1")] * 4
    assert len(upstream.asked) == 1


async def test_all_callers_give_up_and_the_answer_is_kept(
    replica: Layers, upstream: Upstream, server: FakeServer
) -> None:
    calls = ask(replica, QUERY, 3)
    await begun(upstream)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    upstream.gate.set()
    await until(lambda: not replica.coalesce._shared)
    assert (await replica.cache.fetch(QUERY)).cached
    assert len(upstream.asked) == 1


async def test_a_failure_is_shared_by_those_who_wait_for_it(replica: Layers, upstream: Upstream) -> None:
    upstream.failure = NotFound("no such community", resource="community r/python", reason="banned")
    calls = ask(replica, QUERY, 3)
    await begun(upstream, *calls)
    upstream.gate.set()
    failures = await asyncio.gather(*calls, return_exceptions=True)
    assert len({id(failure) for failure in failures}) == 3
    for failure in failures:
        assert isinstance(failure, NotFound)
        assert (str(failure), failure.data["reason"]) == ("no such community", "banned")
    upstream.failure = None
    assert (await replica.cache.fetch(QUERY)).value == page("n2")


async def test_a_failure_that_nobody_waits_for_is_no_noise(replica: Layers, upstream: Upstream) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    upstream.failure = UpstreamError("down")
    [call] = ask(replica, QUERY)
    await begun(upstream)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    upstream.gate.set()
    await until(lambda: not replica.coalesce._shared)
    gc.collect()
    assert not complaints


async def test_a_bug_below_reaches_the_callers_and_frees_the_question(
    replica: Layers, other: Layers, upstream: Upstream
) -> None:
    upstream.gate.set()
    upstream.failure = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        await replica.cache.fetch(QUERY)
    upstream.failure = None
    assert (await other.cache.fetch(QUERY)).calls == 1


async def test_work_below_knows_its_flight(store: Store) -> None:
    seen = []

    class Below(Upstream):
        async def fetch(self, query):  # type: ignore[no-untyped-def]
            seen.append(current_flight.get())
            return await super().fetch(query)

    async with layers(store, Below()) as replica:
        await replica.cache.fetch(QUERY)
    assert seen[0]
    assert seen[0].key == QUERY.key
    assert current_flight.get() is None


async def test_who_cannot_wait_for_the_queue_hears_its_ticket(store: Store, upstream: Upstream) -> None:
    class Queue(Upstream):
        async def fetch(self, query):  # type: ignore[no-untyped-def]
            flight = current_flight.get()
            assert flight
            flight.announce(TICKET)
            return await super().fetch(query)

    queue = Queue()
    queue.gate.clear()
    async with layers(store, queue) as replica:
        [patient] = ask(replica, QUERY, seconds=200)
        [hasty] = ask(replica, QUERY, seconds=25)
        with pytest.raises(RateLimited) as refusal:
            await hasty
        assert refusal.value.data["request_id"] == "q1"
        assert refusal.value.data["estimated_wait_seconds"] == 90
        assert not patient.done()
        queue.gate.set()
        assert (await patient).value == page("n1")
        assert (await replica.cache.fetch(QUERY)).cached


async def test_who_cannot_wait_any_longer_is_told_before_the_deadline(
    replica: Layers, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescing, "MARGIN_SECONDS", 600.0)
    [call] = ask(replica, QUERY, seconds=600.05)
    with pytest.raises(DeadlineExceeded):
        await call
    upstream.gate.set()
    await until(lambda: not replica.coalesce._shared)
    assert (await replica.cache.fetch(QUERY)).cached


async def test_an_old_answer_is_served_before_the_deadline_of_a_hanging_request(
    store: Store, upstream: Upstream
) -> None:
    clock = Clock()
    async with layers(store, upstream, clock) as replica:
        upstream.gate.set()
        await replica.cache.fetch(QUERY)
        clock.now += 200
        upstream.gate.clear()
        [call] = ask(replica, QUERY, seconds=MARGIN_SECONDS + 0.05)
        assert (await call).stale


async def test_a_joiner_with_more_time_gives_it_to_the_work(replica: Layers, upstream: Upstream) -> None:
    [first] = ask(replica, QUERY, seconds=50)
    await begun(upstream)
    context = replica.coalesce._shared[QUERY.key].context
    assert context.run(remaining) <= 50
    joined = ask(replica, QUERY, seconds=20) + ask(replica, QUERY, seconds=80) + ask(replica, QUERY, seconds=30)
    await until(lambda: context.run(remaining) > 50)
    assert context.run(remaining) <= 80
    joined += ask(replica, QUERY)
    await until(lambda: context.run(remaining) == float("inf"))
    upstream.gate.set()
    await asyncio.gather(first, *joined)


async def test_a_renewal_nobody_waits_for_ends_with_its_use(replica: Layers, upstream: Upstream) -> None:
    deadline.set(asyncio.get_running_loop().time() + 0.05)
    with pytest.raises(DeadlineExceeded):
        await replica.coalesce.fetch(question(priority=Priority.LOW))
    deadline.set(None)
    await until(lambda: not replica.coalesce._shared)


async def test_without_redis_a_process_coalesces_alone(replica: Layers, upstream: Upstream, server: FakeServer) -> None:
    server.connected = False
    calls = ask(replica, QUERY, 20)
    await begun(upstream, *calls)
    upstream.gate.set()
    await asyncio.gather(*calls)
    assert len(upstream.asked) == 1
