"""Billing by Apify's pay-per-event: reserve, work, charge, answer.

A call costs one tool-call; get_post_comments that opened collapsed comments costs one comments-expanded beside it,
however many it opened; a match of a watch costs one watch-match, once over all replicas. This is one adapter of the
server's billing port.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

from reddit_mcp.actor.charge_api import NAME, Charge, ChargeApi, Outcome
from reddit_mcp.actor.charge_collector import Collector, Immediate, Settling
from reddit_mcp.actor.charge_events import TOOL_CALL, WATCH_MATCH, foreseen
from reddit_mcp.actor.charge_limit import ChargeLimit
from reddit_mcp.actor.event_pricing import terms
from reddit_mcp.actor.platform_client import open_client
from reddit_mcp.actor.run_identity import account
from reddit_mcp.errors import Unavailable
from reddit_mcp.observability.logs import logger
from reddit_mcp.settings import Settings
from reddit_mcp.storage.accounting.billed_matches import BilledMatches
from reddit_mcp.storage.accounting.charge_ledger import ChargeLedger
from reddit_mcp.storage.accounting.usage_records import UsageRecords
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry


class ApifyBilling:
    """Takes the money through the platform.

    Args:
        api: the charge endpoint.
        budget: what the run may still charge.
        collector: how charges come home in this tenancy.
        matches: which matches are charged already.
        account: the caller that the run's own account is.
        multi: many accounts share the run, so each charge names the request that pays.
    """

    def __init__(
        self,
        api: ChargeApi,
        budget: ChargeLimit,
        collector: Collector,
        matches: BilledMatches,
        *,
        account: str,
        multi: bool = False,
    ) -> None:
        self._api = api
        self._budget = budget
        self._collector = collector
        self._matches = matches
        self._account = account
        self._multi = multi
        self._sending: set[asyncio.Task[Sequence[Outcome]]] = set()

    async def check(self) -> str:
        """What `/health` says of it, by what came of charges lately.

        Raises:
            Unavailable: the platform keeps failing.
        """
        if self._api.is_open:
            raise Unavailable("Apify keeps failing; charges wait.", service=NAME, reason="breaker_open")
        return "charges are taken"

    @contextlib.contextmanager
    def reserve(
        self, tool: str, arguments: Mapping[str, Any], caller: str, request_id: str | None
    ) -> Iterator["CallBill"]:
        """Set the call's price aside while the context is open; what is not paid then is given back.

        Raises:
            Unavailable: the run's limit is reached (`charge_limit`); or the run is shared and this request cannot be
                charged, for the gateway never named it (`charge_failed`) or the platform is down (`breaker_open`).
        """
        if self._multi and request_id is None:
            raise _uncharged("This server is paid per call, and Apify's gateway did not name this request")
        if self._multi and self._api.is_open:
            raise _uncharged("Apify does not take charges at the moment", "breaker_open")
        reserved = self._budget.cost(foreseen(arguments))
        self._budget.take(reserved)
        # A caller could send the same X-Actor-Request-ID twice past the gateway, so only where it pays is it trusted.
        name = request_id if self._multi and request_id else uuid4().hex
        bill = CallBill(self, caller, f"{name}:{tool}", request_id, reserved)
        try:
            yield bill
        finally:
            self._budget.give_back(bill.reserved)

    async def matched(self, caller: str, matches: Sequence[str]) -> None:
        """Charge this run's account for matches of its watches that no call asked for.

        Other owners pay with the call that first shows a match: behind this run's charges stands its account alone, and
        in a shared run only a request can pay.

        Raises:
            Unavailable: the run's limit is reached (`charge_limit`), the platform refused, or Redis is away.
        """
        own = not self._multi and caller == self._account
        if own and (claimed := await self._matches.claim(matches)):
            await self._charge(CallBill(self, caller, "", None, Decimal()), (), claimed)

    async def pay(self, bill: "CallBill", events: Sequence[str], matches: Sequence[str]) -> Sequence[str]:
        """Charge a call's events, and the matches in its answer that nobody charged yet; the events that were charged.

        Raises:
            Unavailable: nothing could be charged, the limit is reached, or Redis is away.
        """
        charges = [Charge(name, f"{bill.name}:{name}:{n}", bill.request_id) for n, name in enumerate(events)]
        claimed = await self._matches.claim(matches)
        return await self._charge(bill, charges, claimed)

    async def _charge(self, bill: "CallBill", calls: Sequence[Charge], claimed: Sequence[str]) -> Sequence[str]:
        charges = [*calls, *(Charge(WATCH_MATCH, f"match:{match}", bill.request_id) for match in claimed)]
        try:
            bill.reserve(self._budget, charges)
        except Unavailable:
            await self._matches.release(claimed)
            raise
        outcomes = await self._send(bill.caller, charges)
        await self._remember(claimed, outcomes[len(calls) :])
        good = [charge.event for charge, it in zip(charges, outcomes, strict=True) if self._collector.is_good(it)]
        if not good:
            raise _uncharged("Apify did not take the charge for this")
        return good

    async def _send(self, caller: str, charges: Sequence[Charge]) -> Sequence[Outcome]:
        """A caller who hangs up now does not stop it half-way."""
        task = asyncio.create_task(self._collector.collect(caller, charges))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return await asyncio.shield(task)

    async def _remember(self, matches: Sequence[str], outcomes: Sequence[Outcome]) -> None:
        """Keep what is charged from being charged again; what may be charged stays claimed."""
        known = dict(zip(matches, outcomes, strict=True))
        good = [match for match, outcome in known.items() if self._collector.is_good(outcome)]
        kept = {*good, *(match for match, outcome in known.items() if outcome is Outcome.UNKNOWN)}
        with contextlib.suppress(Unavailable):
            await self._matches.confirm(good)
            await self._matches.release([match for match in matches if match not in kept])

    async def aclose(self) -> None:
        """Wait for charges that are under way."""
        await asyncio.gather(*self._sending)


class CallBill:
    """The bill of one call.

    Attributes:
        caller: whose usage it is.
        name: what the idempotency keys of its events begin with.
        request_id: the gateway's name for the request.
        reserved: USD set aside and not on their way yet.
    """

    def __init__(
        self, billing: ApifyBilling, caller: str, name: str, request_id: str | None, reserved: Decimal
    ) -> None:
        self.caller = caller
        self.name = name
        self.request_id = request_id
        self.reserved = reserved
        self._billing = billing

    async def pay(self, extras: Sequence[str], matches: Sequence[str]) -> Sequence[str]:
        """Charge for the answer before it goes out; the events that were charged, or will be.

        Raises:
            Unavailable: nothing could be charged, so the answer may not go out.
        """
        return await self._billing.pay(self, (TOOL_CALL, *extras), matches)

    def reserve(self, budget: ChargeLimit, charges: Sequence[Charge]) -> None:
        """Move what the charges cost from the reserve onto their way; take what it lacks.

        Raises:
            Unavailable: the run's limit is reached (`charge_limit`).
        """
        cost = budget.cost(charge.event for charge in charges)
        budget.take(max(Decimal(), cost - self.reserved))
        self.reserved = max(Decimal(), self.reserved - cost)


@contextlib.asynccontextmanager
async def open_billing(
    settings: Settings, store: Store, breakers: BreakerRegistry, usage: UsageRecords
) -> AsyncIterator[ApifyBilling | None]:
    """The billing of this run, settled in the end; None when the Actor is not pay-per-event.

    Raises:
        Unavailable: the platform does not tell the run's pricing, or an event of ours has no price there.
    """
    run = settings.apify
    async with open_client(run) as client:
        agreed = await terms(client, run)
        if agreed.prices is None:
            logger(__name__).info("billing_off", reason="the Actor is not pay-per-event")
            yield None
            return
        multi = settings.apify_tenancy == "multi"
        api = ChargeApi(client, run.run_id, breakers.get(NAME), run_pays=not multi)
        budget = ChargeLimit(agreed.prices, agreed.limit, agreed.spent)
        async with _collecting(settings, store, api, budget, usage) as collector:
            own = account(settings).id
            billing = ApifyBilling(api, budget, collector, BilledMatches(store), account=own, multi=multi)
            try:
                yield billing
            finally:
                await billing.aclose()


@contextlib.asynccontextmanager
async def _collecting(
    settings: Settings, store: Store, api: ChargeApi, budget: ChargeLimit, usage: UsageRecords
) -> AsyncIterator[Collector]:
    def noted(caller: str, event: str) -> None:
        usage.note(caller, f"charged:{event}")

    if settings.apify_tenancy == "multi":
        yield Immediate(api, budget, noted)
        return
    async with Settling(api, budget, noted, ChargeLedger(store, settings.apify.run_id)) as settling:
        yield settling


def _uncharged(why: str, reason: str = "charge_failed") -> Unavailable:
    return Unavailable(
        f"{why}, so it was not answered; try again in a few seconds.",
        service=NAME,
        reason=reason,
        retry_after_seconds=10,
    )
