"""The tiers: how many calls each kind of caller has, and how many watches."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

WINDOWS = ("minute", "hour", "day", "month")
ALIASES = {"paid": "pro"}

Calls = Annotated[int, Field(ge=1, le=100_000_000)]  # more would not be exact in a double, which Lua counts with


class Tier(BaseModel):
    """Calls in each window (None = unlimited), the number of watches, and their shortest interval in minutes.

    The minute is a token bucket; hour, day and month are calendar windows in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    minute: Calls | None = None
    hour: Calls | None = None
    day: Calls | None = None
    month: Calls | None = None
    watches: int = Field(1000, ge=0)
    shortest_interval: int = Field(5, ge=5, le=1440)

    @property
    def unlimited(self) -> bool:
        """Whether no window limits it."""
        return not any((self.minute, self.hour, self.day, self.month))


class Tiers(BaseModel):
    """Every tier by name, and what a call of a tool weighs in tokens of the minute's bucket (1 where not named)."""

    model_config = ConfigDict(frozen=True)

    tiers: Mapping[str, Tier]
    weights: Mapping[str, Calls]

    def named(self, name: str) -> Tier:
        """The tier of this name; a key made for a tier that is gone falls to the free one."""
        return self.tiers.get(ALIASES.get(name, name), self.tiers["free"])

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
SETTABLE = tuple(name for name in DEFAULTS if name != "unlimited")
"""`unlimited` is the tier of the one local caller, which has no quota."""


def read_tiers(text: str) -> Tiers:
    """The default tiers with the figures of TIERS, such as `{"free": {"minute": 20}, "weights": {"search_reddit": 2}}`.

    Raises:
        ValueError: the text is not JSON, names an unknown tier or figure, or a weight that no minute of a tier holds.
    """
    given: dict[str, Any] = json.loads(text or "{}")
    if not isinstance(given, dict):
        raise ValueError("must be a JSON object of tiers")  # noqa: TRY004 - a setting's value, not a type of ours
    weights = given.pop("weights", {})
    named = {ALIASES.get(name, name): figures for name, figures in given.items()}
    if unknown := named.keys() - SETTABLE:
        raise ValueError(f"there is no tier {min(unknown)!r}; there are {', '.join(SETTABLE)}")
    try:
        tiers = {name: Tier(**{**DEFAULTS[name].model_dump(), **figures}) for name, figures in named.items()}
        return _checked(Tiers(tiers={**DEFAULTS, **tiers}, weights=weights))
    except (TypeError, ValidationError) as error:
        raise ValueError(f"{_reason(error)}; figures are {', '.join(Tier.model_fields)}") from error


def _checked(tiers: Tiers) -> Tiers:
    """A call heavier than a full bucket would be refused for ever."""
    heaviest = max(tiers.weights.values(), default=1)
    for name, tier in tiers.tiers.items():
        if tier.minute is not None and heaviest > tier.minute:
            raise ValueError(f"a weight of {heaviest} is more than a minute of the tier {name} holds")
    return tiers


def _reason(error: TypeError | ValidationError) -> str:
    if isinstance(error, TypeError):
        return "each tier must be a JSON object"
    issue = error.errors()[0]
    return f"{'.'.join(map(str, issue['loc']))}: {issue['msg']}"
