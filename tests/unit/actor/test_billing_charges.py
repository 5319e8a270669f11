"""One charge, and how charges come home in a run of one account."""

import asyncio

import pytest
from fakeredis import FakeServer

from reddit_mcp.actor import charge_api, charge_collector
from reddit_mcp.actor.charge_api import PLACES, Charge, Outcome
from reddit_mcp.actor.charge_collector import WINDOW_SECONDS
from reddit_mcp.observability import metrics
from reddit_mcp.storage.accounting.charge_ledger import Intent
from tests.support.billing_platform import Houses, error, make_houses  # noqa: F401 - a fixture
from tests.support.redis_store import until

CALL = Charge("tool-call", "key-1")


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (error(500), Outcome.UNKNOWN),
        (error(429), Outcome.UNKNOWN),
        (OSError("reset"), Outcome.UNKNOWN),
        (error(403, "failed-to-charge-user"), Outcome.REFUSED),
        (error(400, "request-id-invalid"), Outcome.REFUSED),
    ],
    ids=["500", "429", "connection lost", "cannot pay", "request ended"],
)
async def test_what_is_known_of_a_charge(houses: Houses, raised: Exception, outcome: Outcome) -> None:
    house = houses()
    house.platform.fails_with(raised)
    assert await house.api.charge(CALL) is outcome
    house.platform.script = None
    assert await house.api.charge(CALL) is Outcome.BOOKED


async def test_a_charge_that_takes_too_long_is_given_up(houses: Houses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charge_api, "CHARGE_SECONDS", 0.01)
    house = houses()
    house.platform.hangs()
    assert await house.api.charge(CALL) is Outcome.UNKNOWN


async def test_charges_are_counted_by_what_came_of_them(houses: Houses) -> None:
    def counted() -> float:
        labels = {"event": CALL.event, "outcome": "booked"}
        return metrics.REGISTRY.get_sample_value("reddit_mcp_charges_total", labels) or 0.0

    before = counted()
    assert await houses().api.charge(CALL) is Outcome.BOOKED
    assert counted() == before + 1


async def test_who_waits_too_long_for_a_place_is_not_sent(houses: Houses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charge_api, "CHARGE_SECONDS", 0.05)
    house = houses()
    house.platform.hangs()
    charges = (house.api.charge(Charge("tool-call", f"key-{n}")) for n in range(PLACES))
    first = asyncio.gather(*charges)
    await until(lambda: len(house.platform.sent) == PLACES)
    monkeypatch.setattr(charge_api, "CHARGE_SECONDS", 0.001)
    assert await house.api.charge(CALL) is Outcome.UNSENT
    assert set(await first) == {Outcome.UNKNOWN}
    assert len(house.platform.sent) == PLACES


async def test_a_platform_that_keeps_failing_is_left_in_peace(houses: Houses) -> None:
    house = houses()
    house.platform.fails_with(error(503))
    outcomes = [await house.api.charge(CALL) for _ in range(8)]
    assert outcomes == [Outcome.UNKNOWN] * 5 + [Outcome.UNSENT] * 3
    assert house.api.is_open


async def test_charges_have_places_of_their_own(houses: Houses) -> None:
    house = houses()
    go = house.platform.hangs()
    charges = [asyncio.create_task(house.api.charge(Charge("tool-call", f"key-{n}"))) for n in range(PLACES + 5)]
    await until(lambda: len(house.platform.sent) == PLACES)
    go.set()
    assert set(await asyncio.gather(*charges)) == {Outcome.BOOKED}


async def test_an_intent_stands_in_the_ledger_while_its_charge_is_sent(houses: Houses) -> None:
    house = houses()
    seen: list[Intent] = []

    async def look(_event: str, _request_id: str | None) -> None:
        seen.extend(await house.ledger.intents())

    house.platform.script = look
    async with house.settling() as settling:
        assert await settling.collect("ada", [CALL]) == [Outcome.BOOKED]
    assert seen == [Intent("key-1", "tool-call", "ada", house.clock())]
    assert await house.ledger.intents() == ()
    assert house.noted == {"ada tool-call": 1}


async def test_what_is_not_taken_is_sent_again_with_the_same_key(
    houses: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charge_collector, "SETTLE_SECONDS", 0.01)
    house = houses()
    house.platform.fails_with(error(500))
    async with house.settling() as settling:
        outcomes = await settling.collect("ada", [Charge("tool-call", "key-1", "request-1")])
        assert all(map(settling.is_good, outcomes))
        assert not house.noted
        house.platform.script = None
        await until(lambda: not settling.pending)
    assert house.platform.booked == {"tool-call": 1}
    assert house.noted == {"ada tool-call": 1}
    assert {key for _, key, _ in house.platform.sent} == {"key-1"}
    assert house.platform.sent[-1][2] is None  # the request has ended by then, and the account is the same


async def test_the_request_that_ended_does_not_matter_where_the_run_pays(houses: Houses) -> None:
    house = houses()

    async def stale(_event: str, request_id: str | None) -> None:
        if request_id:
            raise error(400, "request-id-invalid")

    house.platform.script = stale
    async with house.settling() as settling:
        assert await settling.collect("ada", [Charge("tool-call", "key-1", "ended")]) == [Outcome.BOOKED]
    assert [request for _, _, request in house.platform.sent] == ["ended", None]


async def test_what_the_platform_may_have_forgotten_is_written_off(houses: Houses) -> None:
    house = houses()
    house.platform.fails_with(error(500))
    async with house.settling() as settling:
        await settling.collect("ada", [CALL])
        before = len(house.platform.sent)
        house.platform.script = None
        house.clock.seconds += WINDOW_SECONDS + 1
        await settling.settle()
        assert settling.pending == 0
        assert len(house.platform.sent) == before
        assert await house.ledger.intents() == ()
    assert not house.platform.booked


async def test_a_later_process_of_the_run_settles_what_an_earlier_one_left(houses: Houses) -> None:
    server = FakeServer()
    early = houses(server)
    await early.ledger.write(
        [Intent("key-1", "tool-call", "ada", early.clock()), Intent("key-2", "tool-call", "ada", 1.0)]
    )
    late = houses(server)
    late.clock.seconds += 60
    async with late.settling() as settling:
        await until(lambda: late.platform.booked["tool-call"] == 1)
        await settling.settle()
    assert [key for _, key, _ in late.platform.sent] == ["key-1"]  # the other is too old
    assert late.budget.taken == late.budget.cost(["tool-call", "tool-call"])
    assert await late.ledger.intents() == ()


async def test_without_redis_charges_are_sent_and_settled_all_the_same(houses: Houses) -> None:
    server = FakeServer()
    server.connected = False
    house = houses(server)
    house.platform.fails_with(error(500))
    async with house.settling() as settling:
        await settling.collect("ada", [CALL])
        house.platform.script = None
        await settling.settle()
        assert settling.pending == 0
    assert house.noted == {"ada tool-call": 1}


async def test_the_end_settles_what_it_can_and_leaves_the_rest(houses: Houses) -> None:
    house = houses()
    house.platform.fails_with(error(500))
    async with house.settling() as settling:
        await settling.collect("ada", [CALL])
    assert settling.pending == 1
    assert await house.ledger.intents() != ()  # the next process of the run may have more luck
    house.platform.script = None
    house.clock.seconds += 1
    async with house.settling():
        pass
    assert house.platform.booked["tool-call"] == 1


async def test_a_refused_charge_gives_its_money_back(houses: Houses) -> None:
    house = houses()
    house.platform.fails_with(error(402))
    house.budget.take(house.budget.cost(["tool-call"]))
    async with house.settling() as settling:
        outcomes = await settling.collect("ada", [CALL])
    assert not any(map(settling.is_good, outcomes))
    assert house.budget.taken == 0
    assert await house.ledger.intents() == ()
