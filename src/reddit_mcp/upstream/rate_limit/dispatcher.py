"""The one task that asks for tokens and calls the next in line; it alone knows how long everybody waits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from reddit_mcp.errors import Failure, Internal, RateLimited, Unavailable
from reddit_mcp.event_wait import wait_for_event
from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.limits.request_budget import Verdict
from reddit_mcp.upstream.rate_limit.priority_queue import PriorityQueue, Waiter
from reddit_mcp.upstream.rate_limit.queue_notices import QueueNotices
from reddit_mcp.upstream.rate_limit.shared_budget import Grant, SharedBudget
from reddit_mcp.upstream.reddit_api import response_errors
from reddit_mcp.upstream.resilience.bulkhead import Bulkhead

SHORTEST_SECONDS, POLL_SECONDS = 0.01, 1.0
"""The pause between two questions for a token while somebody waits, at least and at most."""

BEAT_SECONDS, APART_SECONDS = 10.0, 0.25
"""The pause while nobody waits; and while Redis does not know of this process's grants."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many may wait over all replicas, and how many of one caller."""

    most: int
    per_caller: int


class Dispatcher:
    """Runs the line of one process.

    Attributes:
        line: who waits.
        bulkhead: the places of the thread pool; a token is asked for only while one is free, for a token that had to
            wait for a thread would reach Reddit late.
        repeating: requests that wait for a second token and hold a place already.
        seconds: what a request takes, as an average.
        closing: nobody is served any more.
    """

    def __init__(
        self,
        tokens: SharedBudget,
        announcer: QueueNotices,
        bulkhead: Bulkhead,
        bounds: Bounds,
        *,
        is_open: Callable[[], bool],
        renew: Callable[[Grant], Awaitable[None]],
    ) -> None:
        self.line = PriorityQueue()
        self.bulkhead = bulkhead
        self.repeating = 0
        self.seconds = 0.0
        self._tokens = tokens
        self._announcer = announcer
        self._bounds = bounds
        self._is_open = is_open
        self._renew = renew
        self._wake = asyncio.Event()
        self.closing = False
        self._log = logger(__name__)

    def wake(self) -> None:
        """Look again now."""
        self._wake.set()

    def heed(self, waiter: Waiter) -> None:
        """Its callers have changed: it may be more urgent now, and somebody may have to be told of it."""
        if waiter.flight:
            self.line.move(waiter, waiter.flight.priority)
        self.wake()

    async def run(self) -> None:
        """Serve the line until `close`."""
        while not self.closing:
            self._wake.clear()
            pause = await self._guarded_round()
            await wait_for_event(self._wake, pause)

    async def close(self) -> None:
        """End `run` soon, and refuse all waiting requests.

        A cancellation alone would not do: Python 3.11's `wait_for`, which redis-py sends by, may swallow it.
        """
        self.closing = True
        self.wake()
        await self._turn_away(self.line, draining())

    async def _guarded_round(self) -> float:
        try:
            return await self._round()
        except Exception:  # noqa: BLE001 - a queue that is not served would wait for ever
            self._log.critical("queue_crashed", exc_info=True)
            await self._turn_away(self.line, Internal("The queue for Reddit failed; try again."))
            return POLL_SECONDS

    async def _round(self) -> float:
        """Start whatever can start; returns how long to wait for news. With nobody in line it is a heartbeat."""
        beating = not self.line
        while self.line or beating:
            beating = False
            await self._let_go()
            census = self.line.census(self.bulkhead.free + self.repeating)
            verdict, member, asked = await self._tokens.take(census)
            if verdict.granted is not None:
                await self._start(verdict.granted, Grant(member, asked, self._renew))
            elif self.line:
                await self._review(verdict)
                return min(POLL_SECONDS, max(verdict.wait, SHORTEST_SECONDS))
        return APART_SECONDS if self._tokens.apart else BEAT_SECONDS

    async def _start(self, priority: int, grant: Grant) -> None:
        waiter = self.line.pop(priority)
        if waiter is None or waiter.turn.done():
            await self._tokens.give_back(grant.member)
            return
        self.bulkhead.enter()
        waiter.turn.set_result(grant)

    async def _let_go(self) -> None:
        """End the waiting of those for whom it is in vain: the breaker is open, or they cannot be done in time."""
        for waiter in self.line:
            if self._is_open():
                self.line.leave(waiter)
                waiter.pass_by()
            elif waiter.left < self.seconds:
                wait = waiter.ticket.estimated_wait if waiter.ticket else 1.0
                await self._turn_away([waiter], no_time(wait))

    async def _review(self, verdict: Verdict) -> None:
        """Hold the bounds, and tell everybody how long it takes."""
        crowd = self.line.crowd(verdict, most=self._bounds.most, per_caller=self._bounds.per_caller)
        await self._turn_away(crowd, _full())
        for waiter, ticket in zip(self.line, self.line.tickets(verdict, self.bulkhead, self.seconds), strict=True):
            waiter.ticket = ticket
        for waiter in self.line:
            if waiter.ticket and waiter.ticket.estimated_wait + self.seconds > waiter.left:
                await self._turn_away([waiter], no_time(waiter.ticket.estimated_wait))
        await self._announcer.update(self.line)

    async def _turn_away(self, waiters: Iterable[Waiter], failure: Failure) -> None:
        for waiter in waiters:
            self.line.leave(waiter)
            waiter.fail(failure)
            await self._announcer.ended(waiter, failure)


def no_time(wait: float) -> RateLimited:
    """The queue cannot serve a request in its time."""
    return response_errors.budget_spent(wait, response_errors.QueueTimeout, "The shared")


def draining() -> Unavailable:
    """What those are told whom nobody will serve any more."""
    return Unavailable("The server is shutting down; try again.", service="reddit", reason="draining")


def _full() -> Unavailable:
    return Unavailable(
        "Too many requests wait for the request budget; try again in a minute.",
        service="reddit",
        reason="queue_full",
    )
