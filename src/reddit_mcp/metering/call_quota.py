"""What a call costs its caller: taken before the arguments are looked at, given back when the caller got nothing."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

from reddit_mcp.errors import Failure, RateLimited, Unavailable
from reddit_mcp.metering.local_quota import LocalBuckets
from reddit_mcp.models import Caller
from reddit_mcp.observability import metrics
from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.limits.quota_counters import Left, QuotaCounters, Spent, nearest
from reddit_mcp.tiers import Tier, Tiers

Mode = Literal["enforce", "log_only", "disabled"]

State = dict[str, Left | None]
"""The ASGI scope's `quota`: under `nearest` the window nearest to exhaustion, None for a caller without limits."""


class CallQuota:
    """Spends and gives back.

    Args:
        quotas: the counters of all replicas.
        tiers: what each tier has.
        mode: whether a spent quota refuses, is only logged, or is not counted.
        replicas: how many processes were last seen alive; while Redis is away each has its share.
    """

    def __init__(self, quotas: QuotaCounters, tiers: Tiers, mode: Mode, replicas: Callable[[], int]) -> None:
        self._quotas = quotas
        self._tiers = tiers
        self._mode = mode
        self._local = LocalBuckets(replicas)
        self._log = logger(__name__)

    async def spend(self, caller: Caller, tool: str, state: State) -> Spent | None:
        """Take one call and put what is left into `state`; None for a caller without limits.

        Raises:
            RateLimited: a window has nothing left.
        """
        tier = self._limits(caller)
        if tier is None:
            state["nearest"] = None
            return None
        spent = await self._spend(caller, tier, self._tiers.weight(tool))
        state["nearest"] = spent.refused or nearest(spent.windows)
        if spent.refused and self._mode == "enforce":
            raise _refusal(spent, spent.refused, caller.tier)
        if spent.refused:
            self._log.warning("quota_spent", tier=caller.tier, window=spent.refused.window)
        return spent

    async def settle(self, spent: Spent | None, failure: Failure | None, state: State) -> None:
        """Give back what a call took that was refused for its arguments, or failed by us or by Reddit."""
        if spent is None or failure is None or not _is_free(failure):
            return
        try:
            if spent.ids:
                await self._quotas.refund(spent)
            else:
                self._local.refund(spent)
        except Unavailable:
            self._log.warning("refund_lost")
        else:
            state["nearest"] = nearest(spent.given_back)

    async def look(self, caller: Caller) -> Sequence[Left] | None:
        """What is left in each limited window, without taking anything; None for a caller without limits."""
        tier = self._limits(caller)
        if tier is None:
            return None
        try:
            return await self._quotas.look(caller.id, tier)
        except Unavailable:
            return self._local.look(caller.id, tier)

    def _limits(self, caller: Caller) -> Tier | None:
        tier = self._tiers.named(caller.tier)
        return None if tier.unlimited or self._mode == "disabled" else tier

    async def _spend(self, caller: Caller, tier: Tier, weight: int) -> Spent:
        try:
            return await self._quotas.spend(caller.id, tier, weight, enforce=self._mode == "enforce")
        except Unavailable:
            metrics.count(metrics.LIMITER_ERRORS, "quota")
            return self._local.spend(caller.id, tier, weight)


def _is_free(failure: Failure) -> bool:
    """A not_found is an answer, and a queued request is worked on: both cost."""
    return failure.type != "not_found" and failure.data.get("status") != "queued"


def _refusal(spent: Spent, window: Left, tier: str) -> RateLimited:
    retry = max(1, math.ceil(window.wait))
    return RateLimited(
        f"Your {_calls(window)} used up; try again in {retry} second{'s' * (retry > 1)}.",
        limit_type="user",
        window=window.window,
        quota_limit=window.limit,
        quota_remaining=window.left,
        rate_limit_tier=tier,
        window_reset_at=math.ceil((spent.at // 1000 + round(window.wait * 1000)) / 1000),
        retry_after_seconds=retry,
    )


def _calls(window: Left) -> str:
    if window.limit == 1:
        return f"one call a {window.window} is"
    return f"{window.limit:,} calls a {window.window} are"
