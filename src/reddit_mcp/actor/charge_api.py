"""The platform's charge endpoint, with bounds: seconds in all, places of its own, a breaker.

Never the SDK's `Actor.charge`: it holds one lock for the whole process across the request, and its retries hold it for
ten seconds while the platform is down.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from apify_client import ApifyClientAsync
from apify_client.errors import ApifyApiError

from reddit_mcp.errors import DeadlineExceeded, Failure, Unavailable, UpstreamError
from reddit_mcp.observability import metrics
from reddit_mcp.observability.logs import logger
from reddit_mcp.upstream.resilience.bulkhead import Bulkhead
from reddit_mcp.upstream.resilience.circuit_breaker import Breaker

NAME = "apify_api"
CHARGE_SECONDS = 3.0
FIRST_ATTEMPT = timedelta(seconds=1)
"""The first attempt's time; the client doubles it for each further one, and CHARGE_SECONDS ends them all."""

PLACES, MOST_WAITING = 64, 1024
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500
STALE_REQUEST = "request-id-invalid"


class Outcome(Enum):
    """What is known of a charge."""

    BOOKED = auto()
    REFUSED = auto()
    UNSENT = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Charge:
    """One event to be charged.

    Attributes:
        event: its name in the pricing.
        key: decides alone whether the platform has booked it already; it knows a key for 180 s.
        request_id: the gateway's name for the request that pays, where there is one.
    """

    event: str
    key: str
    request_id: str | None = None


class ChargeApi:
    """Charges events of one run.

    Args:
        client: speaks to the platform; see `client.open_client`.
        run_id: the run that pays.
        breaker: leaves a platform in peace that keeps failing.
        run_pays: the requests' account is the run's, so a request that has ended does not matter.
    """

    def __init__(self, client: ApifyClientAsync, run_id: str, breaker: Breaker, *, run_pays: bool) -> None:
        self._run_pays = run_pays
        self._run = client.run(run_id)
        self._breaker = breaker
        self._places = Bulkhead(NAME, PLACES, MOST_WAITING)
        self._log = logger(__name__)

    @property
    def is_open(self) -> bool:
        """Whether the breaker would refuse at once."""
        return self._breaker.is_open

    async def charge(self, charge: Charge) -> Outcome:
        """Send it, for `CHARGE_SECONDS` at most; never raises."""
        outcome = await self._charged(charge)
        metrics.count(metrics.CHARGES, charge.event, outcome.name.lower())
        return outcome

    async def _charged(self, charge: Charge) -> Outcome:
        until = asyncio.get_running_loop().time() + CHARGE_SECONDS
        try:
            async with asyncio.timeout_at(until) as waiting, self._places:
                waiting.reschedule(None)
                async with self._breaker.guard():
                    await self._send(charge, until)
        except ApifyApiError as error:
            self._log.error("charge_refused", event_name=charge.event, error_type=error.type, status=error.status_code)
            return Outcome.REFUSED
        except (Unavailable, TimeoutError):
            return Outcome.UNSENT
        except Failure as failure:
            self._log.warning("charge_unknown", event_name=charge.event, reason=str(failure))
            return Outcome.UNKNOWN
        return Outcome.BOOKED

    async def _send(self, charge: Charge, until: float) -> None:
        """Send it.

        Raises:
            ApifyApiError: the platform refused it, for good.
            DeadlineExceeded: it did not answer in time.
            UpstreamError: it answered with a fault, or not at all.
        """
        try:
            async with asyncio.timeout_at(until):
                await self._post(charge)
        except TimeoutError as error:
            raise DeadlineExceeded("Apify did not answer in time.", operation="charge") from error
        except ApifyApiError as error:
            if error.status_code == TOO_MANY_REQUESTS or error.status_code >= SERVER_ERROR:
                raise _fault(error.status_code) from error
            raise
        except Exception as error:  # the transport's errors have no base that the client names
            raise _fault(None) from error

    async def _post(self, charge: Charge) -> None:
        try:
            await self._run.charge(
                charge.event, idempotency_key=charge.key, request_id=charge.request_id, timeout=FIRST_ATTEMPT
            )
        except ApifyApiError as error:
            if error.type != STALE_REQUEST or not self._run_pays:
                raise
            await self._run.charge(charge.event, idempotency_key=charge.key, timeout=FIRST_ATTEMPT)


def _fault(status: int | None) -> UpstreamError:
    return UpstreamError("Apify answered with a fault.", status_code=status, upstream_service=NAME)
