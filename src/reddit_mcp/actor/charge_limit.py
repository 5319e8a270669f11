"""How much money a run may still charge."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from reddit_mcp.errors import Unavailable


class ChargeLimit:
    """What is taken of the run's limit: charged, perhaps charged, and reserved by calls that are running.

    A run is one process, so this is in its memory. What may have been charged counts as charged: the limit is never
    overshot, and the platform would not pay out what is above it.

    Attributes:
        taken: USD.
        limit: USD; None = no limit.
    """

    def __init__(self, prices: Mapping[str, Decimal], limit: Decimal | None, taken: Decimal) -> None:
        self.prices = prices
        self.limit = limit
        self.taken = taken

    def cost(self, events: Iterable[str]) -> Decimal:
        """USD that these events cost together; one that is not sold any more costs nothing."""
        return sum((self.prices.get(event, Decimal()) for event in events), Decimal())

    def take(self, amount: Decimal) -> None:
        """Set an amount aside.

        Raises:
            Unavailable: too little is left (`charge_limit`); nothing is set aside.
        """
        if self.limit is not None and self.taken + amount > self.limit:
            raise Unavailable(
                f"This run's limit of ${self.limit.normalize():f} is reached, so paid tools are off; "
                "raise the run's maximum total charge on Apify to go on.",
                service="apify_api",
                reason="charge_limit",
            )
        self.taken += amount

    def give_back(self, amount: Decimal) -> None:
        """It was not charged."""
        self.taken -= amount
