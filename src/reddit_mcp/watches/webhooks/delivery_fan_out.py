"""Several who are told of the same matches."""

from collections.abc import Sequence

from reddit_mcp.models import Match, Watch
from reddit_mcp.watches.ports import Delivery


class DeliveryFanOut:
    """Tells each of them, in order; a failure of one brings the matches to all of them again."""

    def __init__(self, *deliveries: Delivery) -> None:
        self._deliveries = deliveries

    async def matched(self, watch: Watch, matches: Sequence[Match]) -> None:
        """Pass the matches on."""
        for delivery in self._deliveries:
            await delivery.matched(watch, matches)
