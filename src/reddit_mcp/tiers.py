"""The tiers: how many calls each kind of caller has, and how many watches."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

WINDOWS = ("minute", "hour", "day", "month")


class Tier(BaseModel):
    """Calls in each window (None = unlimited), the number of watches, and their shortest interval in minutes.

    The minute is a token bucket; hour, day and month are calendar windows in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    minute: int | None = Field(None, ge=1)
    hour: int | None = Field(None, ge=1)
    day: int | None = Field(None, ge=1)
    month: int | None = Field(None, ge=1)
    watches: int = Field(1000, ge=0)
    shortest_interval: int = Field(5, ge=5)

    @property
    def unlimited(self) -> bool:
        """Whether no window limits it."""
        return not any((self.minute, self.hour, self.day, self.month))


class Tiers(BaseModel):
    """Every tier by name, and what a call of a tool weighs in tokens of the minute's bucket (1 where not named)."""

    model_config = ConfigDict(frozen=True)

    tiers: Mapping[str, Tier]
    weights: Mapping[str, int]

    def named(self, name: str) -> Tier:
        """The tier of this name; a key made for a tier that is gone falls to the free one."""
        return self.tiers.get("pro" if name == "paid" else name, self.tiers["free"])

    def weight(self, tool: str) -> int:
        """Tokens that a call of this tool takes."""
        return self.weights.get(tool, 1)


DEFAULTS = {
    "anonymous": Tier(minute=10, hour=100, day=300, month=1_000, watches=1, shortest_interval=60),
    "free": Tier(minute=10, hour=300, day=2_000, month=10_000, watches=3, shortest_interval=30),
    "pro": Tier(minute=50, hour=2_000, day=10_000, month=100_000, watches=25, shortest_interval=10),
    "business": Tier(minute=300, hour=12_000, day=100_000, month=2_000_000, watches=200, shortest_interval=5),
    "enterprise": Tier(),
    "unlimited": Tier(),
}


def read_tiers(text: str) -> Tiers:
    """The default tiers with the figures of TIERS, such as `{"free": {"minute": 20}, "weights": {"search_reddit": 2}}`.

    Raises:
        ValueError: the text is not JSON, or names an unknown figure.
    """
    given: Any = json.loads(text or "{}")
    if not isinstance(given, dict):
        raise ValueError("must be a JSON object of tiers")  # noqa: TRY004 - a setting's value, not a type of ours
    weights = given.pop("weights", {})
    try:
        tiers = {name: Tier(**{**_base(name), **figures}) for name, figures in given.items()}
        return Tiers(tiers={**DEFAULTS, **tiers}, weights=weights)
    except (TypeError, ValidationError) as error:
        raise ValueError("must be figures of minute, hour, day, month, watches, shortest_interval") from error


def _base(name: str) -> dict[str, Any]:
    return DEFAULTS.get(name, DEFAULTS["free"]).model_dump()
