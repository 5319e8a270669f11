"""What is counted of a call, and what `/stats` makes of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from reddit_mcp.errors import DeadlineExceeded, Failure, InvalidInput, NotFound, RateLimited, Unavailable, UpstreamError
from reddit_mcp.metering.call_statistics import MOST_VIOLATORS, CallStatistics, EndedCall
from reddit_mcp.metering.statistics_report import of_days, report
from reddit_mcp.storage.accounting.call_windows import WINDOW_SECONDS, CallWindows
from reddit_mcp.storage.redis.connection import Store
from tests.support.clocks import Clock
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414

FRESH = {"ttl": 300, "cached": False, "cache_age_seconds": 0}
HIT = {"ttl": 300, "cached": True, "cache_age_seconds": 40}
STALE = {"ttl": 300, "cached": True, "stale": True, "cache_age_seconds": 80}
REFUSED = RateLimited("Spent.", limit_type="user", window="minute")
BUDGET = RateLimited("Spent.", limit_type="reddit_api")


def ended(
    tool: str = "search_reddit",
    failure: Failure | None = None,
    caller: str = "a",
    metadata: dict[str, Any] = FRESH,
    ms: float = 10.0,
) -> EndedCall:
    return EndedCall(tool, "free", caller, failure, {} if failure else metadata, ms)


@pytest.fixture
async def statistics(store: Store, clock: Clock) -> AsyncIterator[CallStatistics]:
    async with CallWindows(store, of_days, clock) as windows:
        yield CallStatistics(windows)


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.0)


async def test_each_figure_is_what_was_done(statistics: CallStatistics) -> None:
    for call in (
        ended(),
        ended(metadata=HIT),
        ended(metadata=STALE),
        ended("watch_keywords", metadata={"ttl": 0, "cached": False}),
        ended("get_user_info", NotFound("No."), caller="b"),
        ended("get_user_info", REFUSED, caller="b"),
        ended("get_user_info", REFUSED, caller="c"),
        ended("get_user_info", REFUSED, caller="b"),
    ):
        statistics.note(call)
    found = await report(statistics)
    assert found["overview"] == {
        "total_requests": 8,
        "error_count": 4,
        "error_rate": 0.5,
        "rate_limit_hits": 3,
        "active_users": 3,
    }
    assert found["cache"] == {"hits": 2, "misses": 1, "hit_rate": 0.666667, "avg_age_seconds": 60.0}
    assert found["requests_by_tool"] == {"get_user_info": 4, "search_reddit": 3, "watch_keywords": 1}
    assert found["errors_by_type"] == {"not_found": 1, "rate_limited": 3}
    assert found["top_violators"] == [{"caller": "b", "refused": 2}, {"caller": "c", "refused": 1}]
    assert found["latency"]["p50_ms"] == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize(
    ("failure", "faults"),
    [
        (InvalidInput("Wrong."), 0),
        (NotFound("None."), 0),
        (REFUSED, 0),
        (Unavailable("Limit.", reason="charge_limit"), 0),
        (BUDGET, 1),
        (Unavailable("Open.", reason="breaker_open"), 1),
        (UpstreamError("Bad."), 1),
        (DeadlineExceeded("Late."), 1),
    ],
)
async def test_only_what_the_caller_cannot_avoid_uses_up_the_error_budget(
    statistics: CallStatistics, failure: Failure, faults: int
) -> None:
    for each in (failure, None, None, None):
        statistics.note(ended(failure=each))
    found = (await report(statistics))["availability"]
    assert found["availability"] == 1 - faults / 4
    assert found["error_budget"]["used"] == faults
    assert found["burn_rate"] == faults * 250


async def test_a_budget_that_is_used_up_is_below_nothing(statistics: CallStatistics) -> None:
    statistics.note(ended(failure=UpstreamError("Bad.")))
    for _ in range(999):
        statistics.note(ended())
    assert (await report(statistics))["availability"]["error_budget"] == {"allowed": 1.0, "used": 1, "remaining": 0.0}


async def test_before_any_call(statistics: CallStatistics) -> None:
    found = await report(statistics)
    assert found["overview"]["error_rate"] == 0.0
    assert found["latency"] == {"p50_ms": None, "p95_ms": None, "p99_ms": None}
    assert found["cache"]["hit_rate"] is None
    assert found["series"] == []
    assert found["availability"]["availability"] is None


async def test_a_day_is_a_series_of_windows(statistics: CallStatistics, clock: Clock) -> None:
    for number in range(3):
        for _ in range(number + 1):
            statistics.note(ended(failure=UpstreamError("Bad.") if number == 2 else None, ms=10.0**number))
        clock.now += WINDOW_SECONDS
    series = (await report(statistics))["series"]
    assert [point["start"] for point in series] == [1_800_000_000 + number * WINDOW_SECONDS for number in range(3)]
    assert [point["total_requests"] for point in series] == [1, 2, 3]
    assert [point["faults"] for point in series] == [0, 0, 3]
    assert [point["p95_ms"] for point in series] == [pytest.approx(10**number, rel=0.021) for number in range(3)]


async def test_the_burn_rate_is_that_of_the_last_hour(statistics: CallStatistics, clock: Clock) -> None:
    statistics.note(ended(failure=UpstreamError("Bad.")))
    clock.now += 3600
    statistics.note(ended())
    found = (await report(statistics))["availability"]
    assert (found["availability"], found["burn_rate"]) == (0.5, 0.0)


async def test_ever_new_violators_are_counted_together(statistics: CallStatistics) -> None:
    for number in range(MOST_VIOLATORS + 20):
        statistics.note(ended(failure=REFUSED, caller=f"caller {number}"))
    found = await report(statistics)
    assert found["top_violators"][0] == {"caller": "others", "refused": 20}
    assert found["overview"]["rate_limit_hits"] == MOST_VIOLATORS + 20
    (window,) = (await statistics.windows.windows()).values()
    assert sum(name.startswith("refused:") for name in window) == MOST_VIOLATORS + 1


async def test_the_slowest_calls_of_lately(statistics: CallStatistics, clock: Clock) -> None:
    for ms in range(100, 120):
        statistics.note(ended(ms=ms))
    assert [call.duration_ms for call in statistics.slowest] == list(range(119, 109, -1))
    clock.now += WINDOW_SECONDS
    statistics.note(ended(ms=115.5))
    assert [call.duration_ms for call in statistics.slowest][:5] == [119, 118, 117, 116, 115.5]
    clock.now += WINDOW_SECONDS
    statistics.note(ended(ms=1))
    assert [call.duration_ms for call in statistics.slowest] == [115.5, 1]
