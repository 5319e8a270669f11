"""What the unit tests of billing share: a platform in this process, with the real layers before it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, cast

import pytest
from apify_client import ApifyClientAsync
from apify_client.errors import ApifyApiError
from fakeredis import FakeServer

from reddit_mcp.actor.apify_billing import ApifyBilling
from reddit_mcp.actor.charge_api import NAME, ChargeApi
from reddit_mcp.actor.charge_collector import Immediate, Settling
from reddit_mcp.actor.charge_limit import ChargeLimit
from reddit_mcp.storage.accounting.billed_matches import BilledMatches
from reddit_mcp.storage.accounting.charge_ledger import ChargeLedger
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from tests.support.redis_store import fake_store

PRICES = {"tool-call": Decimal("0.002"), "comments-expanded": Decimal("0.003"), "watch-match": Decimal("0.001")}
RUN, ACCOUNT = "run-1", "apify:ada"


class _Answer:
    def __init__(self, status: int, kind: str) -> None:
        self.status_code = status
        self.text = kind
        self._kind = kind

    def json(self) -> Any:
        return {"error": {"type": self._kind, "message": "no"}}


def error(status: int, kind: str = "some-error") -> ApifyApiError:
    """What the client raises for an answer."""
    return ApifyApiError(cast("Any", _Answer(status, kind)), 1)


@dataclass
class Platform:
    """The client of a platform that does as it is told.

    Attributes:
        script: what happens to a charge of an event for a request before it is booked; it may raise.
        sent: event, key and request id of each charge, in order.
        booked: how many of each event were booked, each key once.
    """

    script: Callable[[str, str | None], Awaitable[Any]] | None = None
    sent: list[tuple[str, str, str | None]] = field(default_factory=list)
    booked: Counter[str] = field(default_factory=Counter)
    _keys: set[str] = field(default_factory=set)

    def hangs(self) -> asyncio.Event:
        """It takes as long as a test wants: until the event is set."""
        go = asyncio.Event()

        async def wait(_event: str, _request_id: str | None) -> None:
            await go.wait()

        self.script = wait
        return go

    def run(self, _run_id: str) -> "Platform":
        return self

    async def charge(  # the client's signature
        self,
        event: str,
        *,
        idempotency_key: str,
        request_id: str | None = None,
        timeout: Any,  # noqa: ASYNC109
    ) -> None:
        self.sent.append((event, idempotency_key, request_id))
        await asyncio.sleep(0)
        if self.script:
            await self.script(event, request_id)
        if idempotency_key not in self._keys:
            self._keys.add(idempotency_key)
            self.booked[event] += 1

    def fails_with(self, raised: Exception) -> None:
        async def fail(_event: str, _request_id: str | None) -> None:
            raise raised

        self.script = fail


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Houses(Protocol):
    """The fixture `houses`: makes them, and closes them in the end."""

    def __call__(self, server: FakeServer | None = None, *, limit: Decimal | None = None) -> "House": ...


@pytest.fixture(name="houses")
async def make_houses() -> AsyncIterator[Houses]:
    made: list[House] = []

    def make(server: FakeServer | None = None, *, limit: Decimal | None = None) -> House:
        made.append(House(fake_store(server), limit=limit))
        return made[-1]

    yield make
    for house in made:
        await house.aclose()


@dataclass
class House:
    """Everything that bills, over one store."""

    store: Store
    platform: Platform = field(default_factory=Platform)
    clock: Clock = field(default_factory=Clock)
    limit: Decimal | None = None
    noted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.budget = ChargeLimit(PRICES, self.limit, Decimal())
        self.breakers = BreakerRegistry(self.store)
        client, breaker = cast("ApifyClientAsync", self.platform), self.breakers.get(NAME)
        self.api = ChargeApi(client, RUN, breaker, run_pays=True)
        self.strict_api = ChargeApi(client, RUN, breaker, run_pays=False)
        self.ledger = ChargeLedger(self.store, RUN)
        self.matches = BilledMatches(self.store, self.clock)

    async def aclose(self) -> None:
        """Nothing of it runs any more."""
        await self.breakers.aclose()
        await self.store.__aexit__(None, None, None)

    def note(self, caller: str, event: str) -> None:
        self.noted[f"{caller} {event}"] += 1

    def settling(self) -> Settling:
        return Settling(self.api, self.budget, self.note, self.ledger, self.clock)

    def single(self, settling: Settling) -> ApifyBilling:
        return ApifyBilling(self.api, self.budget, settling, self.matches, account=ACCOUNT)

    def multi(self) -> ApifyBilling:
        collector = Immediate(self.strict_api, self.budget, self.note)
        return ApifyBilling(
            self.strict_api, self.budget, collector, self.matches, account="apify-run:run-1", multi=True
        )
