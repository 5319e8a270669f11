import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st
from stamina.instrumentation import RetryDetails

from reddit_mcp.errors import (
    DeadlineExceeded,
    Failure,
    Forbidden,
    Internal,
    InvalidInput,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
    UpstreamError,
)
from reddit_mcp.models import Subreddit
from reddit_mcp.upstream.reddit_api import response_errors
from reddit_mcp.upstream.resilience.retry import JITTER, Retry, RetryRules
from reddit_mcp.upstream.single_flight import call_context
from reddit_mcp.upstream.source import Answer, Priority, Query

QUERY = Query(kind="subreddit", model=Subreddit, resource="community r/lua", path="/r/lua/about")
RULES = RetryRules()


class Scripted:
    """A Source that fails as told, then answers."""

    def __init__(self, failures: Sequence[BaseException]) -> None:
        self.failures = list(failures)
        self.asked = 0

    async def fetch(self, query: Query[Any]) -> Answer[Any]:
        assert query is QUERY
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return Answer(Subreddit(name="lua"), calls=1)


def down() -> UpstreamError:
    return UpstreamError("Reddit is having trouble", status_code=503)


def slow() -> DeadlineExceeded:
    return DeadlineExceeded("too slow", operation="reddit request", timeout=10.0)


def limited(seconds: int = 2, **data: Any) -> RateLimited:
    return RateLimited("slow down", limit_type="reddit_api", retry_after_seconds=seconds, **data)


def costing(failure: Failure, calls: int) -> Failure:
    failure.__dict__["calls"] = calls
    return failure


@pytest.fixture
def patient() -> Iterator[None]:
    """Attempts as in production, without the waits."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


async def ask(below: Scripted, *, rules: RetryRules = RULES, hopeless: bool = False) -> Answer[Subreddit]:
    return await Retry(below, rules, lambda: hopeless).fetch(QUERY)


async def failed(below: Scripted, *, hopeless: bool = False) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - returned
        await ask(below, hopeless=hopeless)
    return caught.value


async def test_a_good_answer_passes_untouched() -> None:
    below = Scripted([])
    answer = await ask(below)
    assert (below.asked, answer.calls, answer.value.name) == (1, 1, "lua")


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("failure", "attempts"), [(down, 3), (slow, 2), (limited, 5)], ids=["upstream", "timeout", "reddit's limit"]
)
async def test_patience_by_category(failure: Any, attempts: int) -> None:
    below = Scripted([failure() for _ in range(10)])
    error = await failed(below)
    assert type(error) is type(failure())
    assert below.asked == attempts
    assert (await ask(Scripted([failure() for _ in range(attempts - 1)]))).value.name == "lua"


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "failure",
    [
        NotFound("gone"),
        InvalidInput("bad"),
        Forbidden("no"),
        Unauthenticated("who"),
        Unavailable("open", reason="breaker_open", retry_after_seconds=10),
        Unavailable("queue", reason="queue_full"),
        Internal("bug"),
        limited(status="queued", request_id="1"),
        RateLimited("yours", limit_type="user", retry_after_seconds=1),
        RateLimited("for how long?", limit_type="reddit_api"),
        ZeroDivisionError("a bug"),
        asyncio.CancelledError(),
    ],
    ids=lambda error: f"{type(error).__name__} {getattr(error, 'data', '')}",
)
async def test_nothing_else_is_tried_again(failure: BaseException) -> None:
    below = Scripted([failure])
    assert await failed(below) is failure
    assert below.asked == 1


@pytest.mark.usefixtures("patient")
async def test_the_last_failure_goes_up() -> None:
    failures = [down(), slow()]
    assert await failed(Scripted(failures)) is failures[1]


@pytest.mark.usefixtures("patient")
async def test_an_open_breaker_ends_the_retries() -> None:
    below = Scripted([down(), Unavailable("open", reason="breaker_open")])
    error = await failed(below)
    assert isinstance(error, Unavailable)
    assert below.asked == 2


@pytest.mark.usefixtures("patient")
async def test_no_wait_for_a_breaker_that_has_just_opened() -> None:
    below = Scripted([down()])
    assert isinstance(await failed(below, hopeless=True), UpstreamError)
    assert below.asked == 1


@pytest.mark.usefixtures("patient")
async def test_calls_count_what_failed_attempts_spent() -> None:
    below = Scripted([costing(down(), 1), costing(slow(), 2)])
    answer = await ask(below, rules=RetryRules(timeout_attempts=3))
    assert answer.calls == 4


@pytest.mark.usefixtures("patient")
async def test_a_failure_tells_what_all_attempts_spent() -> None:
    error = await failed(Scripted([costing(down(), 1), costing(down(), 2), costing(down(), 1)]))
    assert error.__dict__["calls"] == 4


@pytest.mark.usefixtures("patient")
async def test_an_attempt_that_did_not_reach_reddit_costs_nothing() -> None:
    assert (await ask(Scripted([limited()]))).calls == 1


@pytest.mark.parametrize(("wait", "asked"), [(3, 1), (1, 2)])
@pytest.mark.usefixtures("patient")
async def test_a_wait_must_fit_the_deadline(wait: int, asked: int) -> None:
    call_context.deadline.set(asyncio.get_running_loop().time() + 2)
    below = Scripted([limited(wait), NotFound("gone")])
    error = await failed(below)
    assert below.asked == asked
    assert isinstance(error, RateLimited if asked == 1 else NotFound)


@pytest.mark.parametrize(
    ("priority", "wait", "asked"),
    [(Priority.HIGH, 120, 2), (Priority.NORMAL, 120, 2), (Priority.LOW, 120, 1), (Priority.HIGH, 3600, 1)],
)
async def test_work_that_goes_on_without_its_callers_waits_in_the_queue(
    priority: Priority, wait: int, asked: int
) -> None:
    call_context.deadline.set(asyncio.get_running_loop().time() + 25)
    call_context.current_flight.set(call_context.Flight(QUERY.key, priority))
    below = Scripted([limited(wait)])
    async with asyncio.timeout(wait / 2):  # it is the queue that waits
        if asked == 1:
            assert isinstance(await failed(below), RateLimited)
        else:
            assert (await ask(below)).value.name == "lua"
    assert below.asked == asked


@pytest.mark.usefixtures("patient")
async def test_only_a_refusal_of_reddit_s_is_waited_out_there() -> None:
    call_context.deadline.set(asyncio.get_running_loop().time() + 0.5)
    call_context.current_flight.set(call_context.Flight(QUERY.key, Priority.HIGH))
    assert isinstance(await failed(below := Scripted([down()])), UpstreamError)
    assert below.asked == 1


async def test_what_the_queue_refuses_is_not_asked_again() -> None:
    below = Scripted([response_errors.budget_spent(1.0, response_errors.QueueTimeout)])
    assert isinstance(await failed(below), RateLimited)
    assert below.asked == 1


async def test_a_deadline_that_is_over_ends_the_retries() -> None:
    call_context.deadline.set(asyncio.get_running_loop().time() - 1)
    below = Scripted([down()])
    assert isinstance(await failed(below), UpstreamError)
    assert below.asked == 1


async def test_it_really_waits() -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    below = Scripted([down(), down()])
    await ask(below, rules=RetryRules(base=0.04))
    assert loop.time() - started >= (0.04 + 0.08) * (1 - JITTER)


async def test_arguments_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[RetryDetails] = []

    def look(details: RetryDetails) -> None:
        seen.append(details)

    stamina.instrumentation.set_on_retry_hooks([look])
    try:
        with stamina.set_testing(True, attempts=3):
            await ask(Scripted([down()]))
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)
    assert [(details.args, details.kwargs) for details in seen] == [((), {})]
    assert "lua" not in repr(seen) + capsys.readouterr().out


@given(st.integers(1, 60))
def test_waits_double_with_jitter_up_to_the_cap(attempt: int) -> None:
    rules = RetryRules(attempts=100, timeout_attempts=100)
    for error, base, cap in ((down(), 1.0, 30.0), (slow(), 0.5, 10.0)):
        wait = rules.wait(error, attempt)
        assert wait is not None
        middle = base * 2 ** (attempt - 1)
        assert min(cap, middle * 0.75) <= wait <= min(cap, middle * 1.25)


def test_waits_differ_from_caller_to_caller() -> None:
    assert len({RULES.wait(down(), 1) for _ in range(10)}) > 5


def test_reddit_s_own_wait_is_kept_exactly() -> None:
    assert [RULES.wait(limited(7), attempt) for attempt in (1, 4, 5)] == [7.0, 7.0, None]
