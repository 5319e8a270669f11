"""Quotas while Redis is away: one token bucket a caller in this process, at its share of the caller's rate."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from reddit_mcp.storage.limits.quota_counters import Left, Spent
from reddit_mcp.tiers import WINDOWS, Tier

SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400, "month": 30 * 86_400}

REMEMBERED_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class _Share:
    """What this process may grant: the tier's shortest window as a bucket, divided by the number of replicas."""

    window: str
    limit: int
    capacity: float
    per_second: float


class LocalBuckets:
    """The buckets.

    Args:
        replicas: how many processes were last seen alive.
        monotonic: seconds of a clock that never jumps.
    """

    def __init__(self, replicas: Callable[[], int], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._replicas = replicas
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, caller: str, tier: Tier, weight: int) -> Spent:
        """Take one call of this weight, if there is as much."""
        share = self._share(tier, weight)
        tokens = self._tokens(caller, share)
        allowed = tokens >= weight
        tokens -= weight if allowed else 0
        self._keep(caller, tokens)
        left = _left(share, tokens, weight)
        return Spent(caller, tier, weight, time.time_ns() // 1000, (left,), None if allowed else left)

    def look(self, caller: str, tier: Tier) -> tuple[Left, ...]:
        """What is left; takes nothing."""
        share = self._share(tier, 1)
        return (_left(share, self._tokens(caller, share), 1),)

    def refund(self, spent: Spent) -> None:
        """Give back what a call took."""
        share = self._share(spent.tier, spent.weight)
        self._keep(spent.caller, min(share.capacity, self._tokens(spent.caller, share) + spent.weight))

    def _share(self, tier: Tier, weight: int) -> _Share:
        """A bucket holds one call at least, or nobody would ever be served."""
        window, limit = next((name, limit) for name in WINDOWS if (limit := getattr(tier, name)))
        share = limit / max(1, self._replicas())
        return _Share(window, limit, max(share, weight), share / SECONDS[window])

    def _tokens(self, caller: str, share: _Share) -> float:
        now = self._monotonic()
        tokens, at = self._buckets.get(caller, (share.capacity, now))
        return min(share.capacity, tokens + (now - at) * share.per_second)

    def _keep(self, caller: str, tokens: float) -> None:
        self._buckets[caller] = (tokens, self._monotonic())
        self._buckets.move_to_end(caller)
        if len(self._buckets) > REMEMBERED_CALLERS:
            self._buckets.popitem(last=False)


def _left(share: _Share, tokens: float, weight: int) -> Left:
    reset, wait = (max(0.0, wanted - tokens) / share.per_second for wanted in (share.capacity, weight))
    return Left(share.window, share.limit, math.floor(tokens), reset, wait)
