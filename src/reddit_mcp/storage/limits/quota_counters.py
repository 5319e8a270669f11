"""Callers' quotas: a token bucket for the minute and counters for hour, day and month, exact over all replicas.

All by the server's clock, in one round trip; a refused call spends nothing anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reddit_mcp.storage.limits.quota_scripts import REFUND, SPEND
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import QUOTAS
from reddit_mcp.tiers import WINDOWS, Tier


@dataclass(frozen=True, slots=True)
class Left:
    """One window: its limit and the calls left.

    Attributes:
        reset: seconds until it is renewed (the minute's bucket: full again).
        wait: seconds until it lets a call through; 0 while it has some left.
    """

    window: str
    limit: int
    left: int
    reset: float
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What one call took, for its refund.

    Attributes:
        at: microseconds since 1970, by the clock that counted.
        windows: what the limited windows have after it.
        refused: the window that had too little left, if one had; of several, the one to wait for longest.
        ids: the hour, day and month it was booked in; empty when it was not booked in the store.
    """

    caller: str
    tier: Tier
    weight: int
    at: int
    windows: tuple[Left, ...] = ()
    refused: Left | None = None
    ids: tuple[int, ...] = ()

    @property
    def given_back(self) -> tuple[Left, ...]:
        """The windows as if the call had not been."""
        return tuple(_with_back(window, self.weight) for window in self.windows)


class QuotaCounters:
    """The quotas of all callers. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def spend(self, caller: str, tier: Tier, weight: int, *, enforce: bool = True) -> Spent:
        """Take one call of this weight from every window, or from none when one refuses (unless not enforced)."""
        return await self._run(caller, tier, weight, "enforce" if enforce else "count")

    async def look(self, caller: str, tier: Tier) -> tuple[Left, ...]:
        """What the limited windows have left; takes nothing."""
        return (await self._run(caller, tier, 0, "look")).windows

    async def refund(self, spent: Spent) -> None:
        """Give back what a call took, in the windows that are still the same."""
        async with self._store.visit() as redis:
            await REFUND.run(redis, [self._key(spent.caller)], [spent.tier.minute or 0, spent.weight, *spent.ids])

    async def _run(self, caller: str, tier: Tier, weight: int, how: Literal["enforce", "count", "look"]) -> Spent:
        limits = [getattr(tier, window) or 0 for window in WINDOWS]
        async with self._store.visit() as redis:
            reply = await SPEND.run(redis, [self._key(caller)], [*limits, weight, how, QUOTAS.ttl or 0])
        refused, at, *ids = reply[:5]
        every = _windows(limits, reply[5], reply[6:])
        windows = tuple(window for window in every if window.limit)
        return Spent(caller, tier, weight, at, windows, every[refused - 1] if refused else None, tuple(ids))

    def _key(self, caller: str) -> str:
        return QUOTAS.key(self._store.prefix, caller)


def nearest(windows: Sequence[Left]) -> Left | None:
    """The window nearest to exhaustion; of several, the one that is renewed last."""
    return min(windows, key=lambda window: (window.left, -window.reset), default=None)


def _windows(limits: Sequence[int], bucket_wait: int, state: Sequence[int]) -> list[Left]:
    """All four windows; times come in milliseconds."""
    left, reset = state[::2], [milliseconds / 1000 for milliseconds in state[1::2]]
    calendar = zip(left[1:], reset[1:], strict=True)
    waits = [bucket_wait / 1000, *(0.0 if calls else seconds for calls, seconds in calendar)]
    return [Left(*facts) for facts in zip(WINDOWS, limits, left, reset, waits, strict=True)]


def _with_back(window: Left, weight: int) -> Left:
    if window.window != "minute":
        return replace(window, left=window.left + 1, wait=0.0)
    left = min(window.limit, window.left + weight)
    return replace(window, left=left, reset=max(0.0, window.reset - weight * 60 / window.limit), wait=0.0)
