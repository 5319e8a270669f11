"""Several real processes, one Reddit: never more than it allows, hardly less, and people before machines."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from reddit_mcp.errors import RateLimited
from reddit_mcp.upstream.single_flight import call_context
from reddit_mcp.upstream.source import Answer, Priority
from tests.support.budget_replica import Order, run
from tests.support.request_budget import Flown, Upstream, busiest, query, queue_over, redis_server, store_at


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with redis_server(tmp_path) as url:
        yield url


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


async def test_three_processes_offered_ten_times_the_budget(url: str) -> None:
    """In real time: a minute's budget at once, and the next a minute later."""
    limit = 150
    account = await run([Order(url, f"replica-{i}", 66.0, waiting=limit * 10 // 3 // 5, limit=limit) for i in range(3)])
    assert busiest(account.times, 60.0) <= limit
    assert 0.9 * 2 * limit <= len(account.times) <= 2 * limit


async def test_eight_processes_share_a_burst_exactly(url: str) -> None:
    account = await run([Order(url, f"replica-{i}", 3.0, waiting=30, limit=100) for i in range(8)])
    assert len(account.times) == 100


async def test_people_do_not_notice_a_flood_that_uses_the_rest(url: str) -> None:
    """A fifth of real time: 20 calls in 12.2 s beside a flood; real seconds are five times these."""
    span, seconds = 12.2, 30.0
    floods = [
        Order(url, f"flood-{i}", seconds, waiting=40, flood=Priority.LOW, span=span, answer=0.01) for i in range(2)
    ]
    people = Order(url, "people", seconds, interactive=20.0, span=span, answer=0.01)
    account = await run([*floods, people])
    first, last = min(account.times), max(account.times)
    assert busiest(account.times, 12.0) <= 100
    assert (len(account.times) - 1) / (last - first) * 12.0 >= 90
    assert len(account.latencies) > 30
    assert percentile(account.latencies, 0.95) < span / 4, "in the line of the floods they would wait for most of it"


async def test_two_replicas_and_two_hundred_calls_at_once(url: str) -> None:
    """Reddit enforces 100 a minute: nobody provokes a 429, and who cannot be served knows at once when to return."""
    upstream, deadline = Upstream(0.05, limit=100), 25.0
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        queues = [
            await stack.enter_async_context(
                queue_over(upstream, await stack.enter_async_context(store_at(url)), f"replica-{i}")
            )
            for i in range(2)
        ]
        call_context.deadline.set(loop.time() + deadline)
        flown = [Flown(queues[i % 2], query(i)) for i in range(200)]
        outcomes = await asyncio.gather(*(each.outcome() for each in flown))
    answered = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    queued = [outcome.data for outcome in outcomes if isinstance(outcome, RateLimited)]
    assert upstream.refused == 0
    assert len(answered) >= 95
    assert len(answered) + len(queued) == 200
    assert all(data["status"] == "queued" and data["status_url"].endswith(data["request_id"]) for data in queued)
    assert all(deadline < data["retry_after_seconds"] <= 61 for data in queued)
    assert all(1 <= data["position"] <= 200 for data in queued)
