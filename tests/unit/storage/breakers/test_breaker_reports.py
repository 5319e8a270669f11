"""What the operator sees of the circuit breakers, and the manual reset."""

import asyncio
import contextlib

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from reddit_mcp.errors import NotFound, Unavailable, UpstreamError
from reddit_mcp.http.routes.breaker_routes import breaker_routes
from reddit_mcp.storage.breakers.breaker_records import MOST_ERRORS, BreakerRecords
from reddit_mcp.storage.breakers.breaker_report import Report
from reddit_mcp.storage.redis.keyspace import BREAKER, BREAKER_ERRORS
from reddit_mcp.upstream.resilience import breaker_registry as module
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_breaker import Breaker
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules
from tests.support.breakers import Away, fail, through
from tests.support.breakers import away as away  # noqa: PLC0414 - fixtures
from tests.support.breakers import breakers as breakers  # noqa: PLC0414
from tests.support.clocks import Clock
from tests.support.redis_store import PREFIX, assert_no_leaks, fake_store, until

RULES = BreakerRules()


async def test_reports_without_redis_are_this_replica_s(away: Away, breakers: BreakerRegistry) -> None:
    away.leave()
    await fail(breakers.get("reddit"), 2)
    (report,) = await breakers.reports()
    assert (report.name, report.state, report.failure_count) == ("reddit", "closed", 2)
    assert report.last_failure == report.recent_errors[0].time
    with pytest.raises(Unavailable):
        await breakers.reset("reddit")


async def test_the_report(away: Away, breakers: BreakerRegistry) -> None:
    breaker = breakers.get("reddit")
    for _ in range(3):
        await through(breaker)
    await fail(breaker)
    (report,) = await breakers.reports()
    assert (report.name, report.state, report.failure_count, report.success_count) == ("reddit", "open", 5, 3)
    assert report.recent_errors[0].type == "upstream_error"
    assert report.recent_errors[0].message == "Reddit is having trouble"
    numbers = report.statistics
    assert (numbers.total_requests, numbers.success_rate, numbers.error_rate) == (8, 0.375, 0.625)
    assert numbers.avg_duration is not None
    assert numbers.slow_request_rate == 0
    async with away.store.visit() as redis:
        await assert_no_leaks(redis, PREFIX)


async def test_a_hundred_errors_are_kept(breakers: BreakerRegistry) -> None:
    breaker = breakers.get("reddit")
    for number in range(MOST_ERRORS + 20):
        with pytest.raises(UpstreamError):
            await through(breaker, UpstreamError(f"fault {number}"))
        with contextlib.suppress(NotFound):
            await through(breaker, NotFound("so that it stays closed"))
        if breaker.is_open:
            await breakers.reset("reddit")
    (report,) = await breakers.reports()
    assert len(report.recent_errors) == MOST_ERRORS
    assert report.recent_errors[0].message == f"fault {MOST_ERRORS + 19}"


async def test_a_breaker_that_saw_nothing_is_shown(breakers: BreakerRegistry) -> None:
    breakers.get("reddit")
    (report,) = await breakers.reports()
    assert (report.state, report.statistics.total_requests, report.statistics.success_rate) == ("closed", 0, None)


async def test_counts_are_told_once_though_two_tell_at_once(breakers: BreakerRegistry) -> None:
    await through(breakers.get("reddit"))
    shared = breakers.get("reddit").shared
    await asyncio.gather(*(shared.exchange() for _ in range(5)))
    assert (await shared.report()).success_count == 1


async def test_those_used_longest_ago_are_forgotten(breakers: BreakerRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_REST", 3)
    held, told = breakers.get("held"), breakers.get("told").shared
    await fail(breakers.get("open"))
    await through(breakers.get("told"))
    for number in range(10):
        breakers.get(f"host{number}")
    assert set(breakers._recent) == {"told", "open", "host8", "host9"}, "those with something to tell are kept"
    await until(lambda: told.is_at_rest)
    breakers.get("host10")
    assert set(breakers._recent) == {"open", "host8", "host9", "host10"}
    assert breakers.get("open").is_open
    assert breakers.get("held") is held
    assert "told" in {report.name for report in await breakers.reports()}, "the store knows it"


async def test_one_in_use_is_the_same_for_all(breakers: BreakerRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_REST", 1)
    used = id(breakers.get("host"))
    async with breakers.get("host").guard():
        for number in range(5):
            breakers.get(f"host{number}")
        assert "host" not in breakers._recent
        assert id(breakers.get("host")) == used


async def test_slow_requests_are_shown(away: Away) -> None:
    clock = Clock()
    breaker = Breaker("reddit", BreakerRecords(away.store), RULES, clock)
    async with breaker.guard():
        clock.now += 6
    report = await breaker.shared.report()
    assert (report.statistics.slow_request_rate, report.statistics.avg_duration) == (1.0, 6.0)
    await breaker.shared.aclose()


async def test_an_unreadable_entry_is_passed_over(away: Away, breakers: BreakerRegistry) -> None:
    await fail(breakers.get("reddit"), 1)
    await breakers.reports()
    async with away.store.visit() as redis:
        await redis.lpush(BREAKER_ERRORS.key(PREFIX, "reddit"), b"\xff{")
        await redis.hset(BREAKER.key(PREFIX, "reddit"), "answered", "many")
    report = await BreakerRecords(away.store).report("reddit")
    assert (report.success_count, len(report.recent_errors)) == (0, 1)


def client(breakers: BreakerRegistry) -> TestClient:
    return TestClient(Starlette(routes=breaker_routes(lambda: breakers)))


def test_the_routes() -> None:
    breakers = BreakerRegistry(fake_store())

    async def trouble() -> None:
        await fail(breakers.get("reddit"))

    with client(breakers) as http:
        assert http.portal is not None
        http.portal.call(trouble)
        (shown,) = http.get("/breakers").json()["breakers"]
        assert set(shown) == set(Report.model_fields)
        assert (shown["name"], shown["state"]) == ("reddit", "open")
        reset = http.post("/breakers/reddit/reset")
        assert (reset.status_code, reset.json()["state"], reset.json()["failure_count"]) == (200, "closed", 0)
        assert http.get("/breakers").json()["breakers"][0]["state"] == "closed"
        assert not breakers.get("reddit").is_open
        missing = http.post("/breakers/nowhere/reset")
        assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found")
        assert http.get("/breakers/reddit/reset").status_code == 405
        http.portal.call(breakers.aclose)


def test_a_reset_that_cannot_reach_the_others_is_refused() -> None:
    away = Away()
    breakers = BreakerRegistry(away.store)
    with client(breakers) as http:
        assert http.portal is not None
        away.leave()
        breakers.get("reddit")
        answer = http.post("/breakers/reddit/reset")
        assert (answer.status_code, answer.json()["error"]["data"]["reason"]) == (503, "store_away")
        assert http.get("/breakers").status_code == 200
