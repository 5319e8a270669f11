"""What a call costs its caller: taken before the arguments are looked at, given back when the caller got nothing."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reddit_mcp.errors import Failure, RateLimited, Unavailable
from reddit_mcp.models import Caller
from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.quotas import Left, Quotas, Spent
from reddit_mcp.tiers import Tier, Tiers

Mode = Literal["enforce", "log_only", "disabled"]

CALLS_PER_CALLER = 16
"""Calls of one caller at once in one process."""

REMEMBERED_CALLERS = 10_000


class Quota:
    """Spends and gives back.

    Args:
        quotas: the counters of all replicas.
        tiers: what each tier has.
        mode: whether a spent quota refuses, is only logged, or is not counted.
        replicas: how many processes were last seen alive; while Redis is away each has its share.
    """

    def __init__(self, quotas: Quotas, tiers: Tiers, mode: Mode, replicas: Callable[[], int]) -> None:
        self._quotas = quotas
        self._tiers = tiers
        self._mode = mode
        self._local = _LocalBuckets(replicas)
        self._log = logger(__name__)

    async def spend(self, caller: Caller, tool: str) -> Spent | None:
        """Take one call; None for a caller without limits.

        Raises:
            RateLimited: a window has nothing left.
        """
        tier = self._tiers.named(caller.tier)
        if tier.unlimited or self._mode == "disabled":
            return None
        weight, enforce = self._tiers.weight(tool), self._mode == "enforce"
        try:
            spent = await self._quotas.spend(caller.id, tier, weight, enforce=enforce)
        except Unavailable:
            spent = self._local.spend(caller.id, tier, weight)
        if spent.refused:
            self._log.warning("quota_spent", tier=caller.tier, window=spent.refused.window, enforced=enforce)
            if enforce:
                raise _refusal(spent.refused, caller.tier)
        return spent

    async def settle(self, spent: Spent | None, failure: Failure | None) -> None:
        """Give back what a call took that was refused for its arguments, or failed by us or by Reddit."""
        if spent is None or failure is None or not _free(failure):
            return
        if not spent.ids:
            self._local.refund(spent)
            return
        try:
            await self._quotas.refund(spent)
        except Unavailable:
            self._log.warning("refund_lost", window="minute")


def _free(failure: Failure) -> bool:
    """A not_found is an answer, and a queued request is worked on: both cost."""
    return failure.type != "not_found" and failure.data.get("status") != "queued"


def _refusal(window: Left, tier: str) -> RateLimited:
    retry = max(1, math.ceil(window.reset))
    return RateLimited(
        f"Your {window.limit} calls a {window.window} are used up; try again in {retry} seconds.",
        limit_type="user",
        window=window.window,
        quota_limit=window.limit,
        quota_remaining=window.left,
        rate_limit_tier=tier,
        window_reset_at=int(time.time()) + retry,
        retry_after_seconds=retry,
    )


class _LocalBuckets:
    """The minute's buckets of this process, while Redis is away: the same rate, divided by the number of replicas."""

    def __init__(self, replicas: Callable[[], int]) -> None:
        self._replicas = replicas
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, caller: str, tier: Tier, weight: int) -> Spent:
        minute = tier.minute or 0
        if not minute:
            return Spent(caller, tier, weight)
        capacity = max(1.0, minute / max(1, self._replicas()))
        tokens, now = self._tokens(caller, capacity), asyncio.get_running_loop().time()
        allowed = tokens >= weight
        tokens -= weight if allowed else 0
        self._keep(caller, tokens, now)
        missing = (capacity if allowed else weight) - tokens
        left = Left("minute", minute, math.floor(tokens), max(0.0, missing * 60 / capacity))
        return Spent(caller, tier, weight, (left,), None if allowed else left)

    def refund(self, spent: Spent) -> None:
        tokens, at = self._buckets.get(spent.caller, (0.0, 0.0))
        self._keep(spent.caller, tokens + spent.weight, at)

    def _tokens(self, caller: str, capacity: float) -> float:
        tokens, at = self._buckets.get(caller, (capacity, 0.0))
        return min(capacity, tokens + (asyncio.get_running_loop().time() - at) * capacity / 60)

    def _keep(self, caller: str, tokens: float, at: float) -> None:
        self._buckets[caller] = (tokens, at)
        self._buckets.move_to_end(caller)
        while len(self._buckets) > REMEMBERED_CALLERS:
            self._buckets.popitem(last=False)


class InFlight:
    """Refuses at once what would only wait: too many calls in this process, or of one caller."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._total = 0
        self._of: dict[str, int] = {}

    @contextmanager
    def place(self, caller: Caller) -> Iterator[None]:
        """Hold a place for one call.

        Raises:
            Unavailable: there is none (`overloaded`); nothing was spent.
        """
        of_caller = self._of.get(caller.id, 0)
        if self._total >= self._most or (caller.tier != "unlimited" and of_caller >= CALLS_PER_CALLER):
            raise Unavailable(
                "Too many calls are running at once; try again in a second.",
                service="reddit-mcp",
                reason="overloaded",
                retry_after_seconds=1,
            )
        self._total += 1
        self._of[caller.id] = of_caller + 1
        try:
            yield
        finally:
            self._total -= 1
            self._leave(caller.id)

    def _leave(self, caller: str) -> None:
        if self._of[caller] == 1:
            del self._of[caller]
        else:
            self._of[caller] -= 1


class QuotaHeaders:
    """Writes `X-RateLimit-*` on answers to callers with a quota; the call itself fills `scope["quota"]`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a place for the state of its caller's quota."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        quota: dict[str, Left] = scope.setdefault("quota", {})

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start" and (window := quota.get("nearest")):
                _write(MutableHeaders(scope=message), window)
            await send(message)

        await self._app(scope, receive, named)


def _write(headers: MutableHeaders, window: Left) -> None:
    headers["X-RateLimit-Limit"] = str(window.limit)
    headers["X-RateLimit-Remaining"] = str(window.left)
    headers["X-RateLimit-Reset"] = str(math.ceil(window.reset))
    if window.left == 0:
        headers["Retry-After"] = str(max(1, math.ceil(window.reset)))
