"""The layer that hands out Reddit's tokens and the places of its thread pool, by priority.

One task asks for tokens, and only while a place is free: a token that had to wait for a thread would reach Reddit
late. It is also the one that knows how long everybody has to wait. docs/adr/0003-rate-limiting.md has the rules.
"""

import asyncio
import contextlib
from types import TracebackType
from typing import Self, TypeVar

from reddit_mcp.errors import Failure, Internal, Unavailable
from reddit_mcp.models import Value
from reddit_mcp.observability.logs import logger
from reddit_mcp.reddit import door
from reddit_mcp.reddit.announce import Announcer
from reddit_mcp.reddit.bulkhead import Bulkhead
from reddit_mcp.reddit.flight import caller, current_flight, remaining
from reddit_mcp.reddit.line import Line, Waiter
from reddit_mcp.reddit.source import Answer, Priority, Query, Source
from reddit_mcp.reddit.tokens import Grant, Tokens, current_grant
from reddit_mcp.storage.budget import Verdict
from reddit_mcp.storage.tickets import Tickets

T = TypeVar("T", bound=Value)

PATIENCE_SECONDS = 600.0
"""How long a request may wait whose callers may have left."""

REPEAT_SECONDS = 5.0
"""How long a request may wait for a second token while it holds a thread."""

SHORTEST_SECONDS, POLL_SECONDS, BEAT_SECONDS, APART_SECONDS = 0.01, 1.0, 10.0, 0.25
"""The shortest and longest pause while somebody waits; while nobody does; while Redis does not know of this process's grants."""


class Queue:
    """A Source that asks the one below when it is the request's turn; an async context manager that runs the line.

    Args:
        below: who is asked; while its `is_open` (a circuit breaker's) is true, nothing is queued for it.
        tokens: Reddit's budget.
        tickets: where callers read of their queued requests.
        places: requests at once, one thread each.
        most: requests in line over all replicas.
        per_caller: those of one caller.
    """

    def __init__(
        self,
        below: Source,
        tokens: Tokens,
        tickets: Tickets,
        *,
        places: int = 8,
        most: int = 1000,
        per_caller: int = 20,
    ) -> None:
        self.bulkhead = Bulkhead("reddit", places, max_waiting=0)
        self._below = below
        self._tokens = tokens
        self._announcer = Announcer(tickets)
        self._most = most
        self._per_caller = per_caller
        self._line = Line()
        self._log = logger(__name__)
        self._wake = asyncio.Event()
        self._repeating = 0
        self._seconds = 0.0
        self._closing = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Python 3.11's wait_for, which redis-py sends by, may swallow a cancellation: the flag ends the loop then.
        self._closing = True
        self._wake.set()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        draining = Unavailable("The server is shutting down; try again.", service="reddit", reason="draining")
        await self._turn_away(list(self._line), draining)

    @property
    def depth(self) -> int:
        """How many wait in this process."""
        return len(self._line)

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Wait for a turn and ask below.

        Raises:
            RateLimited: there is no token in time (without a flight that may go on).
            Unavailable: too many wait (`queue_full`), or the server stops (`draining`).
        """
        if self._is_open:
            return await self._ask(query, self._no_token())
        flight = current_flight.get()
        patience = PATIENCE_SECONDS if flight else min(PATIENCE_SECONDS, remaining())
        waiter = Waiter(query.priority, caller.get(), flight, asyncio.get_running_loop().time() + patience)
        if flight:
            flight.on_caller = self._wake.set
        grant = await self._turn(waiter)
        if grant is None:
            return await self._ask(query, self._no_token())
        return await self._work(query, waiter, grant)

    async def _work(self, query: Query[T], waiter: Waiter, grant: Grant) -> Answer[T]:
        """Use a token and a place, and account for both."""
        loop = asyncio.get_running_loop()
        started, failure = loop.time(), None
        try:
            await self._announcer.started(waiter)
            return await self._ask(query, grant)
        except Failure as error:
            failure = error
            raise
        finally:
            seconds = loop.time() - started
            self._seconds += (seconds - self._seconds) / 8
            self.bulkhead.leave(seconds)
            if self._line:
                self._wake.set()
            await self._tokens.settle(grant, failure, seconds)
            await self._announcer.ended(waiter, failure)

    async def _ask(self, query: Query[T], grant: Grant) -> Answer[T]:
        before = current_grant.set(grant)
        try:
            return await self._below.fetch(query)
        finally:
            current_grant.reset(before)

    @property
    def _is_open(self) -> bool:
        return getattr(self._below, "is_open", False)

    def _no_token(self) -> Grant:
        """For a request that an open breaker will refuse; should one leave all the same, it has to get a token."""
        return Grant("", 0.0, self._renew)

    async def _turn(self, waiter: Waiter, *, first: bool = False) -> Grant | None:
        self._line.join(waiter, first=first)
        self._wake.set()
        try:
            return await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.done() and not waiter.turn.cancelled() and (grant := waiter.turn.result()):
                self.bulkhead.leave(0.0)
                await self._tokens.give_back(grant.member)
            self._line.leave(waiter)
            self._wake.set()
            raise

    async def _renew(self, grant: Grant) -> None:
        """Put another token into this grant, for a request that is repeated below: before all others, and soon."""
        if grant.member:
            await self._tokens.settle(grant, None, 0.0)
        patience = min(REPEAT_SECONDS, remaining())
        waiter = Waiter(Priority.CRITICAL, caller.get(), None, asyncio.get_running_loop().time() + patience)
        waiter.admitted = True
        self._repeating += 1
        try:
            fresh = await self._turn(waiter, first=True)
        finally:
            self._repeating -= 1
        if fresh is None:
            raise door.spent(1.0)
        self.bulkhead.leave(0.0)  # the request holds one already
        grant.member, grant.asked = fresh.member, fresh.asked

    async def _run(self) -> None:
        while not self._closing:
            self._wake.clear()
            try:
                pause = await self._round()
            except Exception:
                # Whoever waits in a line that nobody serves would wait for ever.
                self._log.exception("queue_crashed")
                await self._turn_away(list(self._line), Internal("The queue for Reddit failed; try again."))
                pause = POLL_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _round(self) -> float:
        """Start whatever can start; returns how long to wait for news."""
        idle = not self._line
        while self._line or idle:
            idle = False
            await self._drop()
            census = self._line.census(self.bulkhead.free + self._repeating)
            verdict, member, asked = await self._tokens.take(census)
            if verdict.granted is None:
                if self._line:
                    await self._review(verdict)
                    return min(POLL_SECONDS, max(verdict.wait, SHORTEST_SECONDS))
            else:
                await self._start(verdict.granted, Grant(member, asked, self._renew))
        return APART_SECONDS if self._tokens.apart else BEAT_SECONDS

    async def _start(self, priority: int, grant: Grant) -> None:
        waiter = self._line.pop(priority)
        if waiter is None or waiter.turn.done():
            await self._tokens.give_back(grant.member)
            return
        self.bulkhead.enter()
        waiter.turn.set_result(grant)

    async def _drop(self) -> None:
        """Let go of those who need not wait (the breaker is open) or have waited too long to be done in time."""
        for waiter in self._line:
            if self._is_open and not waiter.turn.done():
                waiter.turn.set_result(None)
                self._line.leave(waiter)
            elif waiter.left < self._seconds:
                await self._turn_away([waiter], door.spent(waiter.ticket.estimated_wait if waiter.ticket else 1.0))

    async def _review(self, verdict: Verdict) -> None:
        """Hold the bounds, and tell everybody how long it takes."""
        for waiter in self._line.crowd(verdict, most=self._most, per_caller=self._per_caller):
            await self._turn_away([waiter], _full())
        for waiter, ticket in zip(self._line, self._line.tickets(verdict, self.bulkhead, self._seconds), strict=True):
            waiter.ticket = ticket
        for waiter in self._line:
            if waiter.ticket and waiter.ticket.estimated_wait + self._seconds > waiter.left:
                await self._turn_away([waiter], door.spent(waiter.ticket.estimated_wait))
        await self._announcer.update(self._line)

    async def _turn_away(self, waiters: list[Waiter], failure: Failure) -> None:
        for waiter in waiters:
            self._line.leave(waiter)
            waiter.fail(failure)
            await self._announcer.ended(waiter, failure)


def _full() -> Unavailable:
    return Unavailable(
        "Too many requests wait for Reddit's budget; try again in a minute.", service="reddit", reason="queue_full"
    )
