"""The receivers of webhooks, as the owners of watches deal with them."""

from collections.abc import Sequence
from typing import Any

from reddit_mcp.models import Watch
from reddit_mcp.storage.watches.delivery_records import DeliveryRecords, DeliveryState
from reddit_mcp.watches.webhooks.address_check import AddressCheck
from reddit_mcp.watches.webhooks.webhook_signing import SigningSecrets

MOST_SHOWN = 20
"""Dead letters in one answer; each match tells about its own delivery besides."""


class WebhookReceivers:
    """Admits receivers, and tells how they do. Every method but `admit` raises `Unavailable` while Redis is away."""

    def __init__(self, addresses: AddressCheck, signing: SigningSecrets, deliveries: DeliveryRecords) -> None:
        self._addresses = addresses
        self._signing = signing
        self._deliveries = deliveries

    async def admit(self, url: str) -> tuple[str, str]:
        """A new signing secret for this address, and the same sealed.

        Raises:
            Refused: the server will not call it.
        """
        await self._addresses.check(url)
        return self._signing.draw()

    async def health(self, watch: Watch) -> dict[str, Any]:
        """How the watch's receiver does: ok, failing since when and why, and what was given up."""
        faults = await self._deliveries.faults(watch.watch_id)
        dead = await self._deliveries.dead_letters(watch.watch_id)
        letters = [{"match_id": match_id, **_shown(state)} for match_id, state in dead.items()]
        failing = {"failing_since_utc": faults.since, "error": faults.error} if faults else {}
        status = "failing" if faults else "ok"
        return {"state": status, **failing, "given_up": len(letters), "dead_letters": letters[:MOST_SHOWN]}

    async def deliveries(self, watch_id: str, match_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What became of each match's webhook, as far as it is known."""
        found = await self._deliveries.get(watch_id, match_ids)
        return {match_id: _shown(state) for match_id, state in found.items()}

    async def restart(self, watch_id: str) -> None:
        """Give the receiver of a resumed watch a new start."""
        await self._deliveries.well(watch_id)

    async def forget(self, watch_id: str) -> None:
        """Delete all that there is of a deleted watch."""
        await self._deliveries.forget(watch_id)


def _shown(state: DeliveryState) -> dict[str, Any]:
    return state.model_dump(exclude_none=True, exclude={"began_utc"})
