"""What the run's events cost, as the platform says, and what the run may charge in all."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from apify_client import ApifyClientAsync
from apify_client.errors import ApifyClientError
from pydantic import BaseModel, Field, ValidationError

from reddit_mcp.actor.charge_events import EVENTS
from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import ApifyRun

START_SECONDS = 10.0
FIRST_ATTEMPT = timedelta(seconds=2)
"""How long the platform has to tell about the run, in all and at first; the client doubles it for each attempt."""


class _Tier(BaseModel):
    price: float = Field(alias="tieredEventPriceUsd")


class _Event(BaseModel):
    price: float | None = Field(None, alias="eventPriceUsd")
    tiers: dict[str, _Tier] | None = Field(None, alias="eventTieredPricingUsd")


class _PerEvent(BaseModel):
    events: dict[str, _Event] = Field(default_factory=dict, alias="actorChargeEvents")


class _Pricing(BaseModel):
    """https://docs.apify.com/api/v2/actor-run-get: pricingInfo."""

    model: str | None = Field(None, alias="pricingModel")
    per_event: _PerEvent = Field(default_factory=_PerEvent, alias="pricingPerEvent")


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run is billed.

    Attributes:
        prices: USD per event; None = the Actor is not pay-per-event. Of a tiered price, the highest.
        limit: USD that the run may charge in all; None = no limit.
        spent: USD that it has charged.
    """

    prices: Mapping[str, Decimal] | None
    limit: Decimal | None
    spent: Decimal


async def terms(client: ApifyClientAsync, run: ApifyRun) -> Terms:
    """Ask the platform about the run.

    Raises:
        Unavailable: it does not answer, or knows no such run; or an event of ours has no price, so that it would charge
            nothing and say nothing.
    """
    try:
        async with asyncio.timeout(START_SECONDS):
            found = await client.run(run.run_id).get(timeout=FIRST_ATTEMPT)
    except (ApifyClientError, ValidationError) as error:
        raise _silent(type(error).__name__) from error
    except Exception as error:  # the transport's errors have no base that the client names
        raise _silent("no answer") from error
    if found is None:
        raise _silent("it knows no such run; see ACTOR_RUN_ID")
    info = found.pricing_info
    prices = prices_of("" if info is None else info.model_dump_json(by_alias=True))
    charged = (found.charged_event_counts or {}).items()
    spent = sum(((prices or {}).get(name, Decimal()) * count for name, count in charged), Decimal())
    limit = found.options.max_total_charge_usd
    return Terms(prices, run.max_total_charge_usd if limit is None else Decimal(str(limit)), spent)


def prices_of(pricing: str) -> Mapping[str, Decimal] | None:
    """USD per event in the platform's description of the pricing; None when the Actor is not pay-per-event.

    Raises:
        Unavailable: an event of ours has no price; or this is no such description.
    """
    try:
        found = _Pricing.model_validate_json(pricing or "{}")
    except ValidationError as error:
        raise Unavailable("The Actor's pricing on Apify cannot be read.", service="apify_api") from error
    if found.model != "PAY_PER_EVENT":
        return None
    prices = {name: price for name, event in found.per_event.events.items() if (price := _price(event)) is not None}
    if missing := [name for name in EVENTS if name not in prices]:
        raise Unavailable(
            f"The Actor's pricing on Apify has no price for: {', '.join(missing)}. Calls would go unpaid; "
            "set it in the Console under Publication, Monetization.",
            service="apify_api",
            reason="unpriced_events",
        )
    return prices


def _price(event: _Event) -> Decimal | None:
    prices = [tier.price for tier in (event.tiers or {}).values()]
    known = event.price if event.price is not None else max(prices, default=None)
    return None if known is None else Decimal(str(known))


def _silent(why: str) -> Unavailable:
    return Unavailable(f"The Apify platform does not tell how this run is billed: {why}.", service="apify_api")
