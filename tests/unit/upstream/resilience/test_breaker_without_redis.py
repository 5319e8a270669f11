"""The breaker while Redis is away: this replica alone, and what it tells afterwards."""

import asyncio
from typing import Any

import pytest

from reddit_mcp.storage.breakers.breaker_records import BreakerNotice, BreakerRecords
from reddit_mcp.upstream.resilience.circuit_breaker import Breaker
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules
from tests.support.breakers import Away, fail, refused, through
from tests.support.breakers import away as away  # noqa: PLC0414 - fixtures
from tests.support.clocks import Clock

RULES = BreakerRules()


async def test_without_redis_it_opens_probes_and_closes_alone(away: Away) -> None:
    clock = Clock()
    breaker = Breaker("reddit", BreakerRecords(away.store), RULES, clock)
    away.leave()
    await fail(breaker)
    await refused(breaker)
    clock.now += 10
    await fail(breaker, 1)
    clock.now += 19
    await refused(breaker)
    clock.now += 1
    await through(breaker)
    await through(breaker)
    assert breaker.state == "closed"
    await breaker.shared.aclose()


async def test_what_happened_without_redis_is_told_when_it_is_back(away: Away) -> None:
    clock = Clock()
    breaker = Breaker("reddit", BreakerRecords(away.store), RULES, clock)
    away.leave()
    await fail(breaker)
    away.come_back()
    report = await breaker.shared.report()
    assert (report.state, report.failure_count, len(report.recent_errors)) == ("open", 5, 5)
    away.leave()
    clock.now += 10
    await through(breaker)
    await through(breaker)
    away.come_back()
    report = await breaker.shared.report()
    assert (report.state, report.success_count) == ("closed", 2)
    assert breaker.state == "closed"
    await breaker.shared.aclose()


async def test_an_opening_of_others_wins_over_a_closing_alone(away: Away) -> None:
    clock, room = Clock(), BreakerRecords(away.store)
    breaker = Breaker("reddit", room, RULES, clock)
    await fail(breaker)
    await breaker.shared.exchange()
    away.leave()
    clock.now += 10
    await through(breaker)
    await through(breaker)
    away.come_back()
    await room.reset("reddit")
    await room.trip("reddit", 40, 40)
    await breaker.shared.exchange()
    assert breaker.is_open
    await breaker.shared.aclose()


async def test_a_probe_whose_redis_went_away_counts_here(away: Away) -> None:
    clock = Clock()
    breaker = Breaker("reddit", BreakerRecords(away.store), BreakerRules(wait=0.01), clock)
    await fail(breaker)
    await breaker.shared.exchange()
    clock.now += 1
    await asyncio.sleep(0.02)  # the server's clock is its own
    probes = [await breaker.enter(), await breaker.enter()]
    assert all(probe.probe and probe.probe.name for probe in probes)
    away.leave()
    for probe in probes:
        await breaker.leave(probe, None)
    assert breaker.state == "closed"
    await breaker.shared.aclose()


async def test_a_caller_who_gives_up_leaves_no_probe_behind(away: Away) -> None:
    clock = Clock()
    breaker = Breaker("reddit", BreakerRecords(away.store), RULES, clock)
    away.leave()
    await fail(breaker)
    clock.now += 10
    for _ in range(5):
        with pytest.raises(asyncio.CancelledError):
            await through(breaker, asyncio.CancelledError())
    await through(breaker)
    await through(breaker)
    assert breaker.state == "closed"
    await breaker.shared.aclose()


async def test_a_claim_that_is_cancelled_gives_its_place_back(away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    breaker = Breaker("reddit", BreakerRecords(away.store), RULES, clock)
    await fail(breaker)
    await breaker.shared.exchange()
    clock.now += 10

    async def stuck(*_: Any) -> BreakerNotice:
        await asyncio.Event().wait()
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr(BreakerRecords, "claim", stuck)
        for _ in range(4):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(breaker.enter(), 0.01)
    assert breaker.shared.circuit.claim() is not None
    await breaker.shared.aclose()


async def test_what_came_and_went_without_redis_leaves_nothing_to_tell(away: Away) -> None:
    clock = Clock()
    breaker = Breaker("reddit", BreakerRecords(away.store), RULES, clock)
    away.leave()
    await fail(breaker)
    clock.now += 10
    await through(breaker)
    await through(breaker)
    assert breaker.shared.circuit.unshared
    away.come_back()
    await breaker.shared.exchange()
    assert not breaker.shared.circuit.unshared
    assert (await breaker.shared.report()).state == breaker.state == "closed"
    await breaker.shared.aclose()
