"""What calls cost in money: the port, what a good answer is, and the adapter for servers that cost nothing."""

import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from reddit_mcp.models import Match, Watch
from reddit_mcp.settings import Settings
from reddit_mcp.storage.accounting.usage_records import UsageRecords
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.watches.ports import Delivery

REQUEST_ID = b"x-actor-request-id"
"""The gateway of a run that many accounts share names each request so, and a charge must name it back.

Source: https://docs.apify.com/platform/actors/development/programming-interface/server-actors
"""

_PLAIN = re.compile(rb"[!-~]{1,200}")
"""What may become part of another header: past the gateway anybody may send anything."""


class Bill(Protocol):
    """The bill of one call, whose price is reserved."""

    async def pay(self, extras: Sequence[str], matches: Sequence[str], /) -> Sequence[str]:
        """Charge for the answer before it goes out.

        Args:
            extras: events beside the call itself.
            matches: ids of the watch matches that the answer shows.

        Returns:
            The events that were charged, or will be.

        Raises:
            Unavailable: nothing could be charged, so the answer may not go out.
        """
        ...


class Billing(Protocol):
    """A billing service."""

    async def check(self) -> str:
        """What `/health` says of it.

        Raises:
            Unavailable: charges cannot be made.
        """
        ...

    def reserve(
        self, tool: str, arguments: Mapping[str, Any], caller: str, request_id: str | None, /
    ) -> AbstractContextManager[Bill]:
        """Set the call's price aside while the context is open; what is not paid then is given back.

        Raises:
            Unavailable: the account's limit is reached (`charge_limit`), or no charge is possible now.
        """
        ...

    async def matched(self, caller: str, matches: Sequence[str], /) -> None:
        """Charge for matches that a watch found without a call, each once.

        Raises:
            Unavailable: the account's limit is reached (`charge_limit`).
        """
        ...


OpenBilling = Callable[[Settings, Store, BreakerRegistry, UsageRecords], AbstractAsyncContextManager[Billing | None]]
"""Opens a billing over what the application has opened; None = nothing costs anything."""


class NoBilling:
    """Nothing costs anything."""

    async def check(self) -> str:
        """There is nothing to fail."""
        return "nothing is charged"

    @contextlib.contextmanager
    def reserve(self, *_call: object) -> Iterator["NoBilling"]:
        """Nothing to set aside."""
        yield self

    async def pay(self, *_answer: object) -> Sequence[str]:
        """Nothing to pay."""
        return ()

    async def matched(self, *_matches: object) -> None:
        """Nothing to pay."""


class BilledDelivery:
    """The layer that charges for matches before anybody is told of them."""

    def __init__(self, billing: Billing, below: Delivery) -> None:
        self._billing = billing
        self._below = below

    async def matched(self, watch: Watch, matches: Sequence[Match]) -> None:
        """Charge and pass on; a failure brings the matches again at the next check."""
        await self._billing.matched(watch.owner, [match.match_id for match in matches])
        await self._below.matched(watch, matches)


@contextlib.asynccontextmanager
async def unbilled(
    _settings: Settings, _store: Store, _breakers: BreakerRegistry, _usage: UsageRecords
) -> AsyncIterator[None]:
    """For servers that are nobody's product."""
    yield None


@dataclass(frozen=True, slots=True)
class Billable:
    """An answer that costs: what it holds beside the call itself."""

    extras: Sequence[str]
    matches: Sequence[str]


def billable(outcome: object, scope: Mapping[str, Any]) -> Billable | None:
    """What an answer costs; None when it is stale, degraded or a question back, which cost nothing."""
    content = getattr(outcome, "structured_content", None) or {}
    metadata = content.get("metadata")
    if metadata is None or metadata.get("stale") or metadata.get("degraded"):
        return None
    matches = [match["match_id"] for match in content.get("matches") or ()]
    return Billable(tuple(scope.get("events", ())), matches)


def request_id(scope: Mapping[str, Any]) -> str | None:
    """The gateway's name for this request, where it gave one."""
    found = next((value for name, value in scope.get("headers", ()) if name == REQUEST_ID), b"")
    return found.decode() if _PLAIN.fullmatch(found) else None
