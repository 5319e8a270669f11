"""The breaker over a store: what counts, who is refused, who has to wait."""

import asyncio
from typing import Any

import pytest

from reddit_mcp.errors import (
    DeadlineExceeded,
    Failure,
    InvalidInput,
    NotFound,
    RateLimited,
    Unavailable,
    UpstreamError,
)
from reddit_mcp.storage.breakers.breaker_records import BreakerNotice, BreakerRecords
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_breaker import Guarded
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules
from tests.support.breakers import QUERY, Away, Gate, down, fail, refused, through
from tests.support.breakers import away as away  # noqa: PLC0414 - fixtures
from tests.support.breakers import breakers as breakers  # noqa: PLC0414
from tests.support.redis_store import until

RULES = BreakerRules()


async def test_open_refuses_at_once_and_says_for_how_long(breakers: BreakerRegistry) -> None:
    breaker = breakers.get("reddit")
    await fail(breaker)
    assert breaker.is_open
    error = await refused(breaker)
    assert error.data == {"service": "reddit", "reason": "breaker_open", "retry_after_seconds": 10}


@pytest.mark.parametrize(
    "error",
    [
        NotFound("gone"),
        InvalidInput("bad"),
        RateLimited("slow down", limit_type="reddit_api", retry_after_seconds=1),
        Unavailable("refused", reason="reddit_credentials"),
        UpstreamError("sign-in is having trouble", upstream_service="reddit_token"),
        ZeroDivisionError("a bug"),
        asyncio.CancelledError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_only_the_upstream_s_own_faults_count(breakers: BreakerRegistry, error: BaseException) -> None:
    breaker = breakers.get("reddit")
    for _ in range(30):
        with pytest.raises(type(error)):
            await through(breaker, error)
    assert breaker.state == "closed"


@pytest.mark.parametrize("error", [NotFound("gone"), InvalidInput("bad")])
async def test_a_refusal_of_reddit_s_shows_that_it_works(breakers: BreakerRegistry, error: Failure) -> None:
    breaker = breakers.get("reddit")
    await fail(breaker, 4)
    with pytest.raises(type(error)):
        await through(breaker, error)
    await fail(breaker, 4)
    assert breaker.state == "closed"


async def test_a_rate_limit_shows_nothing(breakers: BreakerRegistry) -> None:
    breaker = breakers.get("reddit")
    await fail(breaker, 4)
    await fail(breaker, 1, RateLimited)
    await fail(breaker, 1, DeadlineExceeded)
    assert breaker.is_open


async def test_breakers_do_not_share_a_state(breakers: BreakerRegistry) -> None:
    await fail(breakers.get("reddit"))
    await through(breakers.get("reddit_token"))
    assert breakers.get("reddit") is breakers.get("reddit")


async def test_a_full_pool_meets_a_dead_reddit_with_no_more_than_it_holds(breakers: BreakerRegistry) -> None:
    gate = Gate()
    layer = Guarded(gate, breakers.get("reddit"))
    places = asyncio.Semaphore(8)

    async def call() -> str:
        try:
            async with places:
                await layer.fetch(QUERY)
        except Failure as failure:
            return failure.type
        return "answered"

    calls = [asyncio.create_task(call()) for _ in range(60)]
    await until(lambda: len(gate.held) == 8)
    for fate in gate.held[:5]:
        fate.set_exception(down())
    await until(lambda: sum(task.done() for task in calls) == 57)
    assert layer.is_open
    for fate in gate.held[5:]:
        fate.set_result(None)
    fates = await asyncio.gather(*calls)
    assert (fates.count("unavailable"), fates.count("upstream_error"), fates.count("answered")) == (52, 5, 3)
    assert len(gate.held) == 8


async def test_who_waited_in_doubt_goes_on_after_a_success(breakers: BreakerRegistry) -> None:
    gate = Gate()
    layer = Guarded(gate, breakers.get("reddit"))
    first = [asyncio.create_task(layer.fetch(QUERY)) for _ in range(6)]
    await until(lambda: len(gate.held) == 6)
    gate.held[0].set_exception(down())
    with pytest.raises(UpstreamError):
        await first[0]
    late = asyncio.create_task(layer.fetch(QUERY))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(late), 0.02)
    assert len(gate.held) == 6
    gate.held[1].set_result(None)
    await until(lambda: len(gate.held) == 7)
    for fate in gate.held[2:]:
        fate.set_result(None)
    assert (await late).value.name == "lua"
    await asyncio.gather(*first[1:])


async def test_the_token_endpoint_s_breaker_works_from_its_threads(breakers: BreakerRegistry) -> None:
    breaker, loop = breakers.get("reddit_token"), asyncio.get_running_loop()

    def sign_in(error: Failure | None) -> str:
        try:
            with breaker.guard_in_thread(loop):
                if error:
                    raise error
        except Failure as failure:
            return failure.type
        return "signed in"

    assert await asyncio.to_thread(sign_in, None) == "signed in"
    for _ in range(5):
        assert await asyncio.to_thread(sign_in, down()) == "upstream_error"
    assert await asyncio.to_thread(sign_in, None) == "unavailable"


async def test_no_command_on_the_good_path(monkeypatch: pytest.MonkeyPatch, breakers: BreakerRegistry) -> None:
    breaker = breakers.get("reddit")
    visits = 0
    visit = Store.visit

    def counted(store: Store) -> Any:
        nonlocal visits
        visits += 1
        return visit(store)

    monkeypatch.setattr(Store, "visit", counted)
    for _ in range(500):
        await through(breaker)
        await asyncio.sleep(0)
    assert visits <= 2, "one exchange a second, beside the calls"


async def test_a_store_that_forgot_everything_closes_the_breaker(away: Away, breakers: BreakerRegistry) -> None:
    breaker = breakers.get("reddit")
    await fail(breaker)
    await breaker.shared.exchange()
    async with away.store.visit() as redis:
        await redis.flushall()
    await breaker.shared.exchange()
    assert breaker.state == "closed"


async def test_a_change_on_the_way_is_not_overruled_by_older_news(
    breakers: BreakerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker = breakers.get("reddit")
    exchange = BreakerRecords.exchange

    async def slow_exchange(*arguments: Any) -> BreakerNotice:
        heard = await exchange(*arguments)
        await fail(breaker)
        return heard

    with monkeypatch.context() as patched:
        patched.setattr(BreakerRecords, "exchange", slow_exchange)
        await breaker.shared.exchange()
    assert breaker.is_open
    await breaker.shared.exchange()
    assert breaker.is_open
