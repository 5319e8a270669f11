"""What calls cost, through the server's own call_tool: who pays, who gets it back, what a refusal says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import (
    DeadlineExceeded,
    Failure,
    InvalidInput,
    NotFound,
    RateLimited,
    Unavailable,
    UpstreamError,
)
from reddit_mcp.metering.call_quota import Mode, _refusal
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.storage.limits.quota_counters import Left, Spent
from reddit_mcp.tiers import Tier
from reddit_mcp.upstream.single_flight.call_context import Ticket
from tests.support.quotas import FREE, Clock, House
from tests.support.redis_store import fake_store

FULL = {"minute": 10, "hour": 300, "day": 2_000, "month": 10_000}
ONE_LESS = {name: left - 1 for name, left in FULL.items()}


@pytest.fixture
def clock() -> Clock:
    return Clock(1_792_238_400_000_000)


@pytest.fixture
def redis() -> FakeServer:
    return FakeServer()


@pytest.fixture
async def open_house(clock: Clock, redis: FakeServer) -> AsyncIterator[Callable[..., House]]:
    async with fake_store(redis) as store:
        with clock.ruling():
            yield lambda **options: House(store, **options)


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    return open_house()


async def test_an_answer_costs_one_call_and_says_what_is_left(house: House) -> None:
    answer = await house.call()
    assert answer["metadata"]["rate_limit_remaining"] == 9
    assert await house.left() == ONE_LESS


@pytest.mark.parametrize(
    ("limit", "wait", "sentence"),
    [
        (1, 1.0, "Your one call a day is used up; try again in 1 second."),
        (2, 0.1, "Your 2 calls a day are used up; try again in 1 second."),
        (2_000, 61.5, "Your 2,000 calls a day are used up; try again in 62 seconds."),
    ],
)
def test_the_refusal_reads_well(limit: int, wait: float, sentence: str) -> None:
    spent = Spent("ada", Tier(day=limit), 1, 0)
    assert str(_refusal(spent, Left("day", limit, 0, wait, wait), "free")) == sentence


async def test_an_empty_quota_is_a_result_that_says_all(house: House, clock: Clock) -> None:
    for _ in range(10):
        assert "error" not in await house.call()
    refused = (await house.call())["error"]
    assert (refused["code"], refused["type"]) == (-32004, "rate_limited")
    assert refused["message"] == "Your 10 calls a minute are used up; try again in 6 seconds."
    assert {name: value for name, value in refused["data"].items() if name != "trace_id"} == {
        "category": "rate_limit",
        "limit_type": "user",
        "window": "minute",
        "quota_limit": 10,
        "quota_remaining": 0,
        "rate_limit_tier": "free",
        "window_reset_at": clock.now // 1_000_000 + 6,
        "retry_after_seconds": 6,
    }


async def test_the_hour_ends_with_the_hour(open_house: Callable[..., House], clock: Clock) -> None:
    house = open_house(tiers='{"free": {"hour": 1}}')
    clock.at("2026-12-31T23:30:00")
    clock.now += 1
    await house.call()
    data = (await house.call())["error"]["data"]
    assert (data["window"], data["quota_limit"], data["retry_after_seconds"]) == ("hour", 1, 1_800)
    clock.at("2027-01-01T00:00:00")
    assert data["window_reset_at"] == clock.now // 1_000_000


@pytest.mark.parametrize(
    "failure",
    [
        InvalidInput("no"),
        UpstreamError("Reddit broke"),
        Unavailable("the breaker is open", reason="breaker_open"),
        DeadlineExceeded("too slow"),
        RateLimited("Reddit's budget", limit_type="reddit_api", retry_after_seconds=3),
        KeyError("a bug"),
    ],
    ids=lambda failure: getattr(failure, "type", "bug"),
)
async def test_what_we_or_reddit_failed_is_free(house: House, failure: Exception) -> None:
    house.upstream.answer = lambda: failure
    assert "error" in await house.call()
    assert await house.left() == FULL


@pytest.mark.parametrize(
    "arguments", [{"subreddit": "?"}, {"subreddit": "lua", "nonsense": 1}, {"include_rules": True}]
)
async def test_bad_arguments_are_free(house: House, arguments: dict[str, Any]) -> None:
    answer = await house.call(FREE, "get_subreddit_info", **arguments)
    assert answer["error"]["type"] == "invalid_input"
    assert await house.left() == FULL


@pytest.mark.parametrize(
    "failure",
    [NotFound("no such community", resource="r/lua"), Ticket("abc", 3, 40.0).refusal()],
    ids=["not_found", "queued"],
)
async def test_what_was_worked_on_costs(house: House, failure: Failure) -> None:
    house.upstream.answer = lambda: failure
    assert (await house.call())["error"]["type"] == failure.type
    assert await house.left() == ONE_LESS


async def test_an_empty_quota_comes_before_any_hint_about_arguments(house: House) -> None:
    for _ in range(10):
        await house.call()
    answer = await house.call(FREE, "get_subreddit_info", nonsense=1)
    assert answer["error"]["type"] == "rate_limited"


async def test_who_hangs_up_has_called(house: House) -> None:
    arrived = house.upstream.hang()
    call = asyncio.create_task(house.call())
    await arrived.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert await house.left() == ONE_LESS


async def test_a_heavy_tool_takes_more_and_gives_it_all_back(open_house: Callable[..., House]) -> None:
    house = open_house(tiers='{"weights": {"get_subreddit_info": 4}}')
    assert (await house.call())["metadata"]["rate_limit_remaining"] == 6
    house.upstream.answer = lambda: UpstreamError("Reddit broke")
    await house.call()
    assert await house.left() == {"minute": 6, "hour": 299, "day": 1_999, "month": 9_999}
    refused = [(await house.call(FREE, "get_subreddit_info", nonsense=1))["error"]["type"] for _ in range(3)]
    assert refused == ["invalid_input"] * 3


@pytest.mark.parametrize("caller", [LOCAL, Caller(id="eve", tier="enterprise")], ids=lambda caller: caller.tier)
async def test_callers_without_limits_cost_redis_nothing(house: House, redis: FakeServer, caller: Caller) -> None:
    redis.connected = False
    for _ in range(12):
        assert (await house.call(caller))["metadata"]["rate_limit_remaining"] is None
    assert await house.left(caller) is None


async def test_users_of_different_tiers_do_not_meet(house: House) -> None:
    pia = Caller(id="pia", tier="paid")
    refused = {FREE: 0, pia: 0}
    for _ in range(60):
        for caller in refused:
            refused[caller] += "error" in await house.call(caller)
    assert refused == {FREE: 50, pia: 10}


async def test_two_keys_of_a_user_share_one_quota(house: House) -> None:
    for number in range(10):
        await house.call(FREE.model_copy(update={"key_id": str(number)}))
    assert "error" in await house.call()


@pytest.mark.parametrize(("mode", "counted"), [("log_only", True), ("disabled", False)])
async def test_modes_that_refuse_nobody(
    open_house: Callable[..., House], capsys: pytest.CaptureFixture[str], mode: Mode, counted: bool
) -> None:
    house = open_house(mode=mode)
    answers = [await house.call() for _ in range(12)]
    assert all("error" not in answer for answer in answers)
    assert answers[-1]["metadata"]["rate_limit_remaining"] == (0 if counted else None)
    assert ((await open_house().left() or {})["hour"]) == (288 if counted else 300)
    assert ("quota_spent" in capsys.readouterr().out) == counted


async def test_redis_away_leaves_the_same_rate_and_never_everything(house: House, redis: FakeServer) -> None:
    redis.connected = False
    answers = [await house.call() for _ in range(15)]
    assert ["error" in answer for answer in answers] == [False] * 10 + [True] * 5
    data = answers[-1]["error"]["data"]
    assert (data["window"], data["quota_limit"], data["retry_after_seconds"]) == ("minute", 10, 6)
    assert answers[0]["metadata"]["rate_limit_remaining"] == 9


async def test_redis_away_gives_back_what_it_took(house: House, redis: FakeServer) -> None:
    redis.connected = False
    house.upstream.answer = lambda: UpstreamError("Reddit broke")
    for _ in range(15):
        assert (await house.call())["error"]["type"] == "upstream_error"
    assert await house.left() == {"minute": 10}


async def test_redis_going_between_a_call_and_its_refund_breaks_nothing(house: House, redis: FakeServer) -> None:
    def fail() -> UpstreamError:
        redis.connected = False
        return UpstreamError("Reddit broke")

    house.upstream.answer = fail
    assert (await house.call())["error"]["type"] == "upstream_error"


async def test_it_recovers_by_itself(house: House, redis: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reddit_mcp.storage.redis.connection.AWAY_SECONDS", 0.0)
    redis.connected = False
    for _ in range(12):
        await house.call()
    redis.connected = True
    assert (await house.call())["metadata"]["rate_limit_remaining"] == 9
    assert await house.left() == ONE_LESS
