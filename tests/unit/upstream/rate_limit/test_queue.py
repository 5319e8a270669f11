"""The queue around a fake Source, on a fake Redis."""

import asyncio
import time
from typing import Any

import pytest

from reddit_mcp.errors import NotFound, RateLimited, Unavailable
from reddit_mcp.storage.limits.queue_tickets import QueueTickets
from reddit_mcp.storage.limits.request_budget import Census, News, Verdict
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.rate_limit import shared_budget
from reddit_mcp.upstream.rate_limit.reported_limit import ReportedLimit
from reddit_mcp.upstream.rate_limit.request_queue import RequestQueue
from reddit_mcp.upstream.rate_limit.shared_budget import Grant, SharedBudget, current_grant
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_breaker import Guarded
from reddit_mcp.upstream.source import Answer, Priority, Query
from tests.support.redis_store import server as server  # noqa: PLC0414
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.redis_store import until
from tests.support.request_budget import Gate, T, Upstream, ended, many, query, queue_over, window, within
from tests.support.request_budget import gate as gate  # noqa: PLC0414 - fixtures


async def test_an_answer_comes_through(store: Store) -> None:
    async with queue_over(Upstream(), store) as queue:
        assert (await queue.fetch(query())).calls == 1
        assert queue.bulkhead.in_use == queue.depth == 0


async def test_no_more_at_once_than_there_are_places(store: Store, gate: Gate) -> None:
    async with queue_over(gate, store, places=3) as queue:
        flown = await many(queue, 10)
        await until(lambda: gate.inside == 3)
        assert queue.depth == 7
        gate.open.set()
        await ended(flown)
        assert (queue.bulkhead.total, queue.bulkhead.in_use) == (10, 0)


async def test_by_priority_and_within_one_first_come_first_served(store: Store, gate: Gate) -> None:
    async with queue_over(gate, store, places=1, span=0.01) as queue:
        flown = await many(queue, 1)
        await until(lambda: gate.inside == 1)
        for priority in reversed(Priority):
            flown += await many(queue, 2, priority)
        gate.open.set()
        await ended(flown)
    order = [f"r/{priority.name}{i}/about" for priority in Priority for i in range(2)]
    assert gate.names[1:] == order


async def test_a_failure_from_below_comes_through_and_frees_the_place(store: Store, gate: Gate) -> None:
    gate.failure = NotFound("There is none.")
    gate.open.set()
    async with queue_over(gate, store) as queue:
        with pytest.raises(NotFound):
            await queue.fetch(query())
        assert queue.bulkhead.in_use == 0


async def test_an_open_breaker_empties_it_at_once(store: Store, gate: Gate) -> None:
    async with queue_over(gate, store, places=1, limit=1) as queue:
        flown = await many(queue, 4)
        await until(lambda: gate.inside == 1)
        gate.is_open = True
        gate.failure = Unavailable("Open.", service="reddit", reason="breaker_open")
        gate.open.set()
        assert all(error is gate.failure for error in await ended(flown))
        with pytest.raises(Unavailable):
            await queue.fetch(query())
        gate.is_open, gate.failure = False, None
        assert (await queue.fetch(query())).calls == 1, "the token of a request that never left is there again"


async def test_a_request_that_slips_through_an_open_breaker_takes_a_token_of_its_own(store: Store) -> None:
    class Closing(Upstream):
        async def fetch(self, query: Query[T]) -> Answer[T]:
            self.is_open = False  # just now
            return await super().fetch(query)

    upstream = Closing()
    upstream.is_open = True
    async with queue_over(upstream, store, limit=1) as queue:
        await queue.fetch(query())
        within(1)
        with pytest.raises(RateLimited):
            await queue.fetch(query())


async def test_who_is_cancelled_in_line_leaves_it(store: Store, gate: Gate) -> None:
    async with queue_over(gate, store, places=1) as queue:
        flown = await many(queue, 3)
        await until(lambda: gate.inside == 1)
        flown[1].task.cancel()
        await until(lambda: queue.depth == 1)
        gate.open.set()
        await ended(flown)
    assert gate.names == ["r/HIGH0/about", "r/HIGH2/about"]


async def test_who_is_cancelled_with_the_grant_in_hand_gives_both_back(store: Store) -> None:
    async with queue_over(Upstream(), store, places=1, limit=1) as queue:
        start = queue._dispatcher._start

        async def start_and_cancel(priority: int, grant: Grant) -> None:
            await start(priority, grant)
            task.cancel()

        queue._dispatcher._start = start_and_cancel  # type: ignore[method-assign]
        task = asyncio.create_task(queue.fetch(query()))
        with pytest.raises(asyncio.CancelledError):
            await task
        queue._dispatcher._start = start  # type: ignore[method-assign]
        assert (await queue.fetch(query())).calls == 1


async def test_a_token_that_nobody_waits_for_any_more_goes_back(store: Store) -> None:
    async with queue_over(Upstream(), store, limit=1) as queue:
        take = queue._tokens.take

        async def take_while_leaving(census: Census) -> tuple[Verdict, str, float]:
            found = await take(census)
            if found[0].granted is not None:
                task.cancel()
                await asyncio.sleep(0)
            return found

        queue._tokens.take = take_while_leaving  # type: ignore[method-assign]
        task = asyncio.create_task(queue.fetch(query()))
        with pytest.raises(asyncio.CancelledError):
            await task
        queue._tokens.take = take  # type: ignore[method-assign]
        assert (await queue.fetch(query())).calls == 1


class Repeating(Upstream):
    """As the transport does after a 401: the request leaves twice."""

    async def fetch(self, query: Query[T]) -> Answer[T]:
        await super().fetch(query)
        return await super().fetch(query)


async def test_a_repeated_request_takes_a_second_token(store: Store) -> None:
    upstream = Repeating()
    async with queue_over(upstream, store, places=1, limit=3) as queue:
        await queue.fetch(query())
        with pytest.raises(RateLimited):
            await queue.fetch(query())
        assert queue.bulkhead.in_use == 0
    assert len(upstream.times) == 3


async def test_to_wait_for_a_further_token_is_not_slowness(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the budget's rate nor the circuit breaker may take the budget's own wait for a slow upstream."""
    monkeypatch.setattr(shared_budget, "SLOW_SECONDS", 1.2)
    seen: list[float] = []
    breaker = BreakerRegistry(store).get("some")
    monkeypatch.setattr(breaker.shared, "note", lambda _outcome, seconds, _error: seen.append(seconds))

    class Further(Upstream):
        async def fetch(self, query: Query[T]) -> Answer[T]:
            grant = current_grant.get()
            assert grant
            await grant.leave_here()
            await grant.leave_here()
            return await super().fetch(query)

    async with queue_over(Guarded(Further(), breaker), store, limit=1, span=1.5) as queue:
        reported: list[News] = []
        monkeypatch.setattr(queue._tokens._window, "report", _collect(reported))
        began = time.monotonic()
        await queue.fetch(query())
        assert time.monotonic() - began - seen[0] > 1.2, "it had to wait for its second token"
    assert {news.ease for news in reported} <= {1.0}


def _collect(reported: list[News]) -> Any:
    async def report(_member: str, news: News) -> None:
        reported.append(news)

    return report


async def test_a_repeat_goes_before_everybody_and_gives_up_when_the_breaker_opens(store: Store) -> None:
    class Opening(Upstream):
        async def fetch(self, query: Query[T]) -> Answer[T]:
            grant = current_grant.get()
            assert grant
            await asyncio.to_thread(grant.leave)
            opening = asyncio.get_running_loop().call_later(0.05, setattr, self, "is_open", True)
            try:
                await asyncio.to_thread(grant.leave)
            finally:
                opening.cancel()
            return await super().fetch(query)

    async with queue_over(Opening(), store, places=1, limit=1, span=3) as queue:
        flown = await many(queue, 3, Priority.CRITICAL)
        outcomes = await ended(flown[:1])
        assert isinstance(outcomes[0], RateLimited)
        assert outcomes[0].data["retry_after_seconds"] == 1


async def test_while_it_stops_whoever_waits_is_told(store: Store, gate: Gate) -> None:
    async with queue_over(gate, store, places=1) as queue:
        flown = await many(queue, 2)
        await until(lambda: gate.inside == 1)
    gate.open.set()
    outcomes = await ended(flown)
    assert isinstance(outcomes[1], Unavailable)
    assert outcomes[1].data["reason"] == "draining"


async def test_work_that_cannot_be_done_in_time_is_not_started(store: Store) -> None:
    async with queue_over(Upstream(0.4), store, places=1) as queue:
        await asyncio.gather(*(queue.fetch(query()) for _ in range(4)))  # it now knows what a request takes
        asked = len(queue._below.times)  # type: ignore[attr-defined]
        within(0.05)
        with pytest.raises(RateLimited):
            await queue.fetch(query())
        assert len(queue._below.times) == asked  # type: ignore[attr-defined]


async def test_a_bug_in_the_line_reaches_those_who_wait_in_it(store: Store) -> None:
    async with queue_over(Upstream(), store) as queue:
        take = queue._tokens.take
        queue._tokens.take = None  # type: ignore[method-assign,assignment]
        with pytest.raises(Exception, match="The queue for Reddit failed"):
            await queue.fetch(query())
        queue._tokens.take = take  # type: ignore[method-assign]
        assert (await queue.fetch(query())).calls == 1


async def test_what_reddit_says_reaches_the_budget(store: Store) -> None:
    budget = ReportedLimit()

    class Saying(Upstream):
        async def fetch(self, query: Query[T]) -> Answer[T]:
            answer = await super().fetch(query)
            budget.learn({"x-ratelimit-remaining": "1.0", "x-ratelimit-reset": "300"})
            return answer

    tokens = SharedBudget(window(store), budget)
    async with RequestQueue(Saying(), tokens, QueueTickets(store)) as queue:
        assert tokens.remaining == 100
        await queue.fetch(query())
        assert tokens.remaining == 1
        await queue.fetch(query())
        within(5)
        with pytest.raises(RateLimited) as caught:
            await queue.fetch(query())
        assert 295 <= caught.value.data["retry_after_seconds"] <= 300


async def test_a_429_holds_everybody_and_eases_the_rate(store: Store) -> None:
    class Refusing(Upstream):
        async def fetch(self, query: Query[T]) -> Answer[T]:
            if grant := current_grant.get():
                grant.leave()
            raise RateLimited("No.", limit_type="reddit_api", retry_after_seconds=120)

    async with queue_over(Refusing(), store) as queue, queue_over(Upstream(), store, "two") as other:
        with pytest.raises(RateLimited, match=r"No\."):
            await queue.fetch(query())
        within(5)
        with pytest.raises(RateLimited) as caught:
            await other.fetch(query())
        assert 118 <= caught.value.data["retry_after_seconds"] <= 120
        async with store.visit() as redis:
            state = await redis.hgetall((await redis.keys("*budget-state*"))[0])
        assert state[b"base"] == b"50"


async def test_whoever_comes_after_the_end_is_told_too(store: Store, gate: Gate) -> None:
    async with queue_over(gate, store) as queue:
        pass
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable) as refused:
            await queue.fetch(query(1))
    assert refused.value.data["reason"] == "draining"
