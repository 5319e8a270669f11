"""The charge endpoint: what was charged, by which idempotency key, for whose request."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.support.fake_platform.faults import problem

IDEMPOTENCY_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge that the platform booked."""

    event: str
    count: int
    key: str
    request_id: str | None


@dataclass
class Charging:
    """The run's bill.

    Attributes:
        prices: of the events, in USD; an event without a price charges nothing and says nothing.
        tenancy: in `multi` a charge needs the id of a request that is in flight.
        charges: what was booked, in order.
        repeated: charges that an idempotency key of the last 180 s kept from being booked again.
        late: charges that were refused, for no request of their id was in flight.
    """

    prices: dict[str, float]
    tenancy: str = "single"
    charges: list[Charge] = field(default_factory=list)
    repeated: list[Charge] = field(default_factory=list)
    late: list[Charge] = field(default_factory=list)
    open_requests: Counter[str] = field(default_factory=Counter)
    skipped: float = 0.0
    _keys: dict[str, float] = field(default_factory=dict)

    @property
    def charged(self) -> dict[str, int]:
        """How many of each event were booked."""
        counts: Counter[str] = Counter()
        for charge in self.charges:
            counts[charge.event] += charge.count
        return dict(counts)

    @property
    def total_usd(self) -> Decimal:
        """What all of them cost."""
        return sum((Decimal(str(self.prices[name])) * count for name, count in self.charged.items()), Decimal())

    async def charge(self, request: Request) -> Response:
        """POST /v2/actor-runs/{run}/charge."""
        body = json.loads(await request.body())
        key, request_id = request.headers.get("idempotency-key", ""), body.get("requestId")
        if not key:
            return problem(400, "idempotency-key-missing")
        charge = Charge(body["eventName"], body["count"], key, request_id)
        if (self.tenancy == "multi" or request_id is not None) and not self.open_requests[request_id or ""]:
            self.late.append(charge)
            return problem(400, "request-id-invalid", "requestId is invalid or has expired")
        if self._is_known(key):
            self.repeated.append(charge)
        elif charge.event in self.prices:
            self.charges.append(charge)
        return JSONResponse({}, 201)

    def _is_known(self, key: str) -> bool:
        now = time.monotonic() + self.skipped
        known = now - self._keys.get(key, -IDEMPOTENCY_SECONDS) < IDEMPOTENCY_SECONDS
        if not known:
            self._keys[key] = now
        return known
