"""The tokens of Reddit's request budget: from the window of all replicas, or from this process's share of it."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from reddit_mcp.errors import Failure, RateLimited, Unavailable
from reddit_mcp.observability import metrics
from reddit_mcp.storage.limits.request_budget import Census, News, SlidingWindow, Verdict
from reddit_mcp.upstream.rate_limit.pacing import LocalWindow
from reddit_mcp.upstream.rate_limit.reported_limit import ReportedLimit

LATE_SECONDS = 0.25
SLOW_SECONDS = 5.0
LONGEST_BLOCK = 600.0
"""Reddit's own window is ten minutes; whatever a header says, after that one request may try."""

EASE_ON_429, EASE_ON_SLOW = 0.5, 0.9


@dataclass(slots=True, eq=False)
class Grant:
    """Leave to send one request to Reddit.

    Attributes:
        member: its name in the window; empty for leave without a token.
        asked: clock time just before it was asked for.
        left: clock time at which the request left; None before.
        renew: puts another token in this grant's place.
        waited: seconds that took so far.
    """

    member: str
    asked: float
    renew: Callable[["Grant"], Awaitable[None]]
    left: float | None = None
    waited: float = 0.0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def leave(self) -> None:
        """Say, in the requesting thread, that a request leaves now; a second one has to wait here for its own token.

        Raises:
            RateLimited: there is no token for it in time.
        """
        if self.left is not None or not self.member:
            asyncio.run_coroutine_threadsafe(self._again(), self._loop).result()
        self.left = time.monotonic()

    async def leave_here(self) -> None:
        """As `leave`, for a request that is sent by the event loop's own code.

        Raises:
            RateLimited: there is no token for it in time.
        """
        if self.left is not None or not self.member:
            await self.renew(self)
        self.left = time.monotonic()

    async def _again(self) -> None:
        await self.renew(self)


current_grant: ContextVar[Grant | None] = ContextVar("current_grant", default=None)
"""The token of the request that the layers below the queue are sending."""


class SharedBudget:
    """Reddit's budget as the queue sees it; it never fails.

    Args:
        window: the budget of all replicas.
        budget: what Reddit says of it.
    """

    def __init__(self, window: SlidingWindow, budget: ReportedLimit) -> None:
        self._window = window
        self._budget = budget
        self._local = LocalWindow(window.limit, window.span)
        self._free = window.limit
        self.apart = False

    @property
    def remaining(self) -> int:
        """Requests that may be sent now: the lower of Reddit's word and ours."""
        free = max(0, self._free)
        return free if self._budget.remaining is None else min(free, self._budget.remaining)

    @property
    def capacity(self) -> int:
        """Requests in a minute, of all replicas together."""
        return self._window.limit

    @property
    def replicas(self) -> int:
        """Processes that share the budget, as last seen."""
        return self._local.replicas

    async def take(self, census: Census) -> tuple[Verdict, str, float]:
        """Ask for a token for the first of those who wait; gives the verdict, the grant's name and the time it has.

        While Redis is away, and until all replicas have rejoined, the process lives on its share; it books in Redis
        what it took.
        """
        member, asked = uuid.uuid4().hex, time.monotonic()
        verdict = await self._verdict(member, census)
        self._free = verdict.free
        if verdict.granted is not None:
            self._local.note(member, asked)
        return verdict, member, asked

    async def settle(self, grant: Grant, failure: Failure | None, seconds: float) -> None:
        """Book what became of a granted request that took so long; the usual outcome costs nothing."""
        news = self._news(grant, failure, seconds)
        if news == News():
            return
        if news.block:
            self._local.blocked_until = max(self._local.blocked_until, time.monotonic() + news.block)
        if news.late:
            self._local.note(grant.member, grant.asked + news.late)
        if news.unused:
            self._local.forget(grant.member)
        try:
            await self._window.report(grant.member, news)
        except Unavailable:
            self.apart = self.apart or not news.unused

    async def give_back(self, member: str) -> None:
        """Return a token that was not used."""
        self._local.forget(member)
        try:
            await self._window.report(member, News(unused=True))
        except Unavailable:
            return

    async def _verdict(self, member: str, census: Census) -> Verdict:
        try:
            if self.apart:
                await self._rejoin()
            while (verdict := await self._window.take(member, census)) is None:
                await self._rejoin()
        except Unavailable:
            metrics.count(metrics.LIMITER_ERRORS, "budget")
            return self._own(census)
        if verdict.settling:  # the replicas seen now may not be all
            own = self._own(census)
            return verdict if own.granted is None else own
        self._local.replicas = verdict.replicas
        return verdict

    def _own(self, census: Census) -> Verdict:
        verdict = self._local.take(census)
        self.apart = self.apart or verdict.granted is not None
        return verdict

    async def _rejoin(self) -> None:
        await self._window.rejoin(self._local.ages())
        if (refused := self._local.blocked_until - time.monotonic()) > 0:
            await self._window.report("", News(block=refused))
        self.apart = False

    def _news(self, grant: Grant, failure: Failure | None, seconds: float) -> News:
        now = time.monotonic()
        remaining, reset = self._budget.remaining, max(0.0, min(LONGEST_BLOCK, self._budget.reset_at - now))
        lower = remaining is not None and reset > 0 and remaining < self._free
        late = (grant.left or grant.asked) - grant.asked
        block = _block(failure)
        slow = EASE_ON_SLOW if seconds > SLOW_SECONDS else 1.0
        return News(
            late=late if late > LATE_SECONDS else 0.0,
            unused=_unsent(failure, grant),
            remaining=remaining if lower else None,
            reset=reset if lower else 0.0,
            block=block,
            ease=EASE_ON_429 if block and grant.left else slow,
        )


def _unsent(failure: Failure | None, grant: Grant) -> bool:
    """Whether nothing was sent for it: the breaker was open, or the source has no such question."""
    reason = failure.data.get("reason") if isinstance(failure, Unavailable) else None
    return reason == "breaker_open" or (reason == "not_offered_by_source" and grant.left is None)


def _block(failure: Failure | None) -> float:
    """Seconds for which Reddit refuses, as it said itself."""
    if not isinstance(failure, RateLimited) or failure.data.get("limit_type") != "reddit_api":
        return 0.0
    return min(LONGEST_BLOCK, float(failure.data.get("retry_after_seconds", 0)))
