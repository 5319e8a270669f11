"""Calls and matches, billed: reserve, work, charge, answer."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from fakeredis import FakeServer
from mcp.types import CallToolResult

from reddit_mcp.actor.apify_billing import ApifyBilling
from reddit_mcp.actor.charge_api import CHARGE_SECONDS
from reddit_mcp.errors import Unavailable
from reddit_mcp.metering.billing_port import Billable, BilledDelivery, NoBilling, billable, request_id, unbilled
from reddit_mcp.models import Match, Watch
from tests.support.billing_platform import ACCOUNT, PRICES, Houses, error, make_houses  # noqa: F401 - a fixture
from tests.support.redis_store import a_watch, until


async def _call(
    billing: ApifyBilling, *, extras: tuple[str, ...] = (), matches: tuple[str, ...] = (), request: str | None = None
) -> Sequence[str]:
    """The events that were charged."""
    arguments = {"expand_more": 1} if extras else {}
    with billing.reserve("search_reddit", arguments, "ada", request) as bill:
        return await bill.pay(extras, matches)


async def test_a_call_and_what_it_did_beside_are_charged(houses: Houses) -> None:
    house = houses()
    async with house.settling() as settling:
        charged = await _call(house.single(settling), extras=("comments-expanded",), matches=("a",))
    assert charged == ["tool-call", "comments-expanded", "watch-match"]
    assert house.platform.booked == dict.fromkeys(charged, 1)
    assert house.noted == {f"ada {event}": 1 for event in charged}
    assert house.budget.taken == Decimal("0.006")


async def test_what_is_not_paid_is_given_back(houses: Houses) -> None:
    house = houses(limit=Decimal("0.005"))
    async with house.settling() as settling:
        billing = house.single(settling)
        with billing.reserve("get_post_comments", {"expand_more": 5}, "ada", None) as bill:
            assert house.budget.taken == Decimal("0.005")
            await bill.pay((), ())
        assert house.budget.taken == PRICES["tool-call"]
        with pytest.raises(KeyError), billing.reserve("search_reddit", {}, "ada", None):
            raise KeyError
    assert house.budget.taken == PRICES["tool-call"]


async def test_calls_at_once_never_overshoot_the_limit_and_a_refused_one_does_no_work(houses: Houses) -> None:
    house, worked = houses(limit=Decimal("0.01")), 0

    async def call(billing: ApifyBilling) -> None:
        nonlocal worked
        with billing.reserve("search_reddit", {}, "ada", None) as bill:
            worked += 1
            await asyncio.sleep(0)
            await bill.pay((), ())

    async with house.settling() as settling:
        billing = house.single(settling)
        answers = await asyncio.gather(*(call(billing) for _ in range(40)), return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert {refused.data["reason"] for refused in refusals} == {"charge_limit"}
    assert 40 - len(refusals) == worked == house.platform.booked["tool-call"] == 5


async def test_in_a_shared_run_a_call_above_the_limit_does_no_work(houses: Houses) -> None:
    house = houses(limit=PRICES["tool-call"])
    await _call(house.multi(), request="request-1")
    with (
        pytest.raises(Unavailable) as refused,
        house.multi().reserve("search_reddit", {}, "ada", "request-2"),
    ):
        raise AssertionError
    assert refused.value.data["reason"] == "charge_limit"
    assert len(house.platform.sent) == 1


async def test_keys_differ_for_calls_and_events_whatever_a_caller_sends(houses: Houses) -> None:
    house = houses()
    async with house.settling() as settling:
        for _ in range(2):
            await _call(house.single(settling), extras=("comments-expanded",), request="always the same")
    assert len({key for _, key, _ in house.platform.sent}) == 4
    assert {request for _, _, request in house.platform.sent} == {"always the same"}


async def test_in_a_shared_run_the_request_names_the_charge(houses: Houses) -> None:
    house = houses()
    await _call(house.multi(), request="request-1")
    assert house.platform.sent == [("tool-call", "request-1:search_reddit:tool-call:0", "request-1")]
    assert house.noted == {"ada tool-call": 1}


async def test_in_a_shared_run_a_request_without_a_name_does_no_work(houses: Houses) -> None:
    house = houses()
    with pytest.raises(Unavailable, match="did not name this request"):
        await _call(house.multi())
    assert not house.platform.sent


@pytest.mark.parametrize(
    ("raised", "taken"), [(error(400, "request-id-invalid"), 0), (error(403), 0), (error(500), Decimal("0.002"))]
)
async def test_in_a_shared_run_an_unpaid_answer_stays_here(houses: Houses, raised: Exception, taken: Decimal) -> None:
    house = houses()
    house.platform.fails_with(raised)
    with pytest.raises(Unavailable) as refused:
        await _call(house.multi(), request="request-1")
    assert refused.value.data["reason"] == "charge_failed"
    assert house.budget.taken == taken  # what may be charged counts as charged


async def test_in_a_shared_run_nothing_is_begun_while_the_platform_is_down(houses: Houses) -> None:
    house = houses()
    house.platform.fails_with(error(500))
    for number in range(5):
        with pytest.raises(Unavailable):
            await _call(house.multi(), request=f"request-{number}")
    before = len(house.platform.sent)
    with pytest.raises(Unavailable, match="does not take charges") as refused:
        await _call(house.multi(), request="request-6")
    assert refused.value.data["reason"] == "breaker_open"
    assert len(house.platform.sent) == before


async def test_an_answer_of_which_a_part_is_paid_goes_out(houses: Houses) -> None:
    house = houses()

    async def no_extras(event: str, _request_id: str | None) -> None:
        if event == "comments-expanded":
            raise error(403)

    house.platform.script = no_extras
    assert await _call(house.multi(), extras=("comments-expanded",), request="request-1") == ["tool-call"]
    assert house.noted == {"ada tool-call": 1}


async def test_a_match_is_charged_by_the_first_call_that_shows_it_over_all_replicas(houses: Houses) -> None:
    server = FakeServer()
    here, there = houses(server), houses(server)
    await _call(here.multi(), matches=("a", "b"), request="request-1")
    await _call(there.multi(), matches=("b", "c"), request="request-2")
    assert here.platform.booked["watch-match"] == 2
    assert [key for event, key, _ in there.platform.sent if event == "watch-match"] == ["match:c"]


async def test_a_match_whose_charge_was_refused_is_charged_later(houses: Houses) -> None:
    house = houses()
    house.platform.fails_with(error(403))
    with pytest.raises(Unavailable):
        await _call(house.multi(), matches=("a",), request="request-1")
    house.platform.script = None
    await _call(house.multi(), matches=("a",), request="request-2")
    assert house.platform.booked["watch-match"] == 1


async def test_a_match_whose_charge_is_unknown_is_repeated_with_its_key_alone(houses: Houses) -> None:
    house = houses()
    house.platform.fails_with(error(500))
    with pytest.raises(Unavailable):
        await _call(house.multi(), matches=("a",), request="request-1")
    house.platform.script = None
    house.clock.seconds += 10
    await _call(house.multi(), matches=("a",), request="request-2")
    assert [key for event, key, _ in house.platform.sent if event == "watch-match"] == ["match:a"] * 2


async def test_matches_beyond_the_limit_are_not_charged_and_not_marked(houses: Houses) -> None:
    house = houses(limit=Decimal("0.003"))
    with pytest.raises(Unavailable, match="limit"):
        await _call(house.multi(), matches=("a", "b"), request="request-1")
    assert not house.platform.sent
    assert house.budget.taken == 0
    assert await house.matches.claim(["a", "b"]) == ("a", "b")


async def test_matches_in_the_background_are_charged_once_and_not_again_when_read(houses: Houses) -> None:
    house = houses()
    async with house.settling() as settling:
        billing = house.single(settling)
        await billing.matched(ACCOUNT, ["a", "b"])
        await billing.matched(ACCOUNT, ["a", "b"])  # a crash brings them again
        await _call(billing, matches=("a", "b"))
    assert house.platform.booked == {"watch-match": 2, "tool-call": 1}
    assert house.noted[f"{ACCOUNT} watch-match"] == 2


async def test_matches_of_others_wait_for_a_call(houses: Houses) -> None:
    house = houses()
    async with house.settling() as settling:
        await house.single(settling).matched("apify:somebody-else", ["a"])
    await house.multi().matched("apify-run:run-1", ["a"])
    assert not house.platform.sent


async def test_a_caller_who_leaves_does_not_stop_a_charge_half_way(houses: Houses) -> None:
    house = houses()
    go = house.platform.hangs()
    async with house.settling() as settling:
        billing = house.single(settling)
        call = asyncio.create_task(_call(billing))
        await until(lambda: bool(house.platform.sent))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        go.set()
        await billing.aclose()
    assert house.platform.booked == {"tool-call": 1}
    assert house.noted == {"ada tool-call": 1}
    assert house.budget.taken == PRICES["tool-call"]


def _outcome(**metadata: Any) -> CallToolResult:
    return CallToolResult(content=[], structured_content={"metadata": metadata})


@pytest.mark.parametrize(
    ("outcome", "cost"),
    [
        (_outcome(cached=True, stale=False), Billable((), [])),
        (_outcome(stale=True), None),
        (_outcome(stale=False, degraded="a part is missing"), None),
        (None, None),
        (CallToolResult(content=[]), None),
    ],
    ids=["good", "stale", "degraded", "failed", "no metadata"],
)
def test_what_an_answer_costs(outcome: CallToolResult | None, cost: Billable | None) -> None:
    assert billable(outcome, {}) == cost


def test_an_answer_costs_what_it_did_and_shows() -> None:
    outcome = CallToolResult(content=[], structured_content={"metadata": {}, "matches": [{"match_id": "a"}]})
    assert billable(outcome, {"events": ["comments-expanded"]}) == Billable(("comments-expanded",), ["a"])


def test_the_gateway_names_a_request() -> None:
    assert request_id({"headers": [(b"host", b"x"), (b"x-actor-request-id", b"request-1")]}) == "request-1"
    assert request_id({}) is None


@pytest.mark.parametrize("sent", [b"", b"two words", "ü".encode(), b"a\nb", b"x" * 201])
def test_a_name_that_no_header_can_carry_is_none(sent: bytes) -> None:
    assert request_id({"headers": [(b"x-actor-request-id", sent)]}) is None


async def test_nothing_costs_anything_elsewhere() -> None:
    async with unbilled(None, None, None, None) as nothing:  # type: ignore[arg-type]
        assert nothing is None
    with NoBilling().reserve("search_reddit", {}, "ada", None) as bill:
        assert await bill.pay((), ()) == ()
        await bill.matched("ada", ["a"])


class _Told:
    def __init__(self) -> None:
        self.ids: list[str] = []

    async def matched(self, watch: Watch, matches: Any) -> None:
        self.ids += [match.match_id for match in matches]


async def test_nobody_is_told_of_a_match_that_cannot_be_paid(houses: Houses) -> None:
    watch, told = a_watch(owner=ACCOUNT), _Told()
    found = [
        Match(match_id=name, watch_id=watch.watch_id, keyword="lua", why="", post={}, sentiment=0, matched_utc=1)
        for name in ("a", "b")
    ]
    house = houses(limit=PRICES["watch-match"])
    async with house.settling() as settling:
        delivery = BilledDelivery(house.single(settling), told)
        await delivery.matched(watch, found[:1])
        with pytest.raises(Unavailable, match="limit"):
            await delivery.matched(watch, found[1:])
    assert told.ids == ["a"]


def test_a_charge_has_the_time_that_is_promised() -> None:
    assert CHARGE_SECONDS == 3.0
