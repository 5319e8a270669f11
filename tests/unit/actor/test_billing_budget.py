"""The money a run may still charge, and the prices it is counted in."""

import json
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.actor.charge_events import COMMENTS_EXPANDED, TOOL_CALL, foreseen
from reddit_mcp.actor.charge_limit import ChargeLimit
from reddit_mcp.actor.event_pricing import prices_of
from reddit_mcp.errors import Unavailable
from tests.support.billing_platform import PRICES


@given(st.lists(st.tuples(st.sampled_from(sorted(PRICES)), st.booleans()), max_size=60))
def test_no_order_of_calls_overshoots_the_limit(calls: list[tuple[str, bool]]) -> None:
    budget, held = ChargeLimit(PRICES, Decimal("0.02"), Decimal("0.004")), []
    for event, gives_back in calls:
        try:
            budget.take(PRICES[event])
            held.append(event)
        except Unavailable:
            assert budget.taken + PRICES[event] > Decimal("0.02")
        if gives_back and held:
            budget.give_back(PRICES[held.pop()])
        assert budget.taken == Decimal("0.004") + budget.cost(held)
        assert budget.taken <= Decimal("0.02")


def test_the_refusal_says_what_to_do() -> None:
    budget = ChargeLimit(PRICES, Decimal("0.10"), Decimal("0.10"))
    with pytest.raises(Unavailable, match=r"limit of \$0\.1 is reached.*raise the run's maximum") as refused:
        budget.take(Decimal("0.002"))
    assert refused.value.data["reason"] == "charge_limit"


def test_without_a_limit_there_is_none() -> None:
    budget = ChargeLimit(PRICES, None, Decimal())
    budget.take(Decimal(1000))
    assert budget.taken == 1000


def test_an_event_that_is_not_sold_any_more_costs_nothing() -> None:
    assert ChargeLimit(PRICES, None, Decimal()).cost(["tool-call", "of-old"]) == Decimal("0.002")


@pytest.mark.parametrize(
    ("asked", "events"), [(3, (TOOL_CALL, COMMENTS_EXPANDED)), (0, (TOOL_CALL,)), (None, (TOOL_CALL,))]
)
def test_expanding_comments_is_foreseen(asked: int | None, events: tuple[str, ...]) -> None:
    assert foreseen({} if asked is None else {"expand_more": asked}) == events


def _pricing(**events: Mapping[str, object]) -> str:
    named = {name.replace("_", "-"): event for name, event in events.items()}
    return json.dumps({"pricingModel": "PAY_PER_EVENT", "pricingPerEvent": {"actorChargeEvents": named}})


def test_prices_are_read_and_of_tiers_the_highest_counts() -> None:
    flat, tiers = {"eventPriceUsd": 0.001}, {"FREE": 0.004, "GOLD": 0.002}
    tiered = {"eventTieredPricingUsd": {name: {"tieredEventPriceUsd": price} for name, price in tiers.items()}}
    prices = prices_of(_pricing(tool_call=tiered, comments_expanded=flat, watch_match=flat))
    assert prices == {
        "tool-call": Decimal("0.004"),
        "comments-expanded": Decimal("0.001"),
        "watch-match": Decimal("0.001"),
    }


def test_events_without_a_price_are_named() -> None:
    with pytest.raises(Unavailable, match="no price for: comments-expanded, watch-match") as refused:
        prices_of(_pricing(tool_call={"eventPriceUsd": 0.001}, comments_expanded={}))
    assert refused.value.data["reason"] == "unpriced_events"


@pytest.mark.parametrize("pricing", ["", "{}", '{"pricingModel": "FREE"}', '{"pricingModel": null}'])
def test_another_model_has_no_prices(pricing: str) -> None:
    assert prices_of(pricing) is None


@pytest.mark.parametrize("pricing", ["[", "[]", '{"pricingModel": 3}', '{"pricingPerEvent": {"actorChargeEvents": 1}}'])
def test_a_description_that_cannot_be_read_is_said(pricing: str) -> None:
    with pytest.raises(Unavailable, match="cannot be read"):
        prices_of(pricing)
