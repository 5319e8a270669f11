"""The layer that hands out Reddit's tokens and the places of its thread pool, by priority.

docs/adr/0003-rate-limiting.md has the rules.
"""

import asyncio
import time
from types import TracebackType
from typing import Self, TypeVar

from reddit_mcp.errors import DeadlineExceeded, Failure
from reddit_mcp.models import Value
from reddit_mcp.observability import metrics
from reddit_mcp.storage.limits.queue_tickets import QueueTickets
from reddit_mcp.upstream.rate_limit.dispatcher import Bounds, Dispatcher, draining
from reddit_mcp.upstream.rate_limit.priority_queue import Waiter
from reddit_mcp.upstream.rate_limit.queue_notices import QueueNotices
from reddit_mcp.upstream.rate_limit.shared_budget import Grant, SharedBudget, current_grant
from reddit_mcp.upstream.reddit_api import response_errors
from reddit_mcp.upstream.resilience.bulkhead import Bulkhead
from reddit_mcp.upstream.single_flight.call_context import (
    PATIENCE_SECONDS,
    caller,
    current_flight,
    remaining,
    token_wait,
)
from reddit_mcp.upstream.source import Answer, Priority, Query, Source

T = TypeVar("T", bound=Value)

REPEAT_SECONDS = 5.0
"""How long a request may wait for a second token while it holds a thread of the pool."""


class RequestQueue:
    """A Source that asks the one below when it is the request's turn; an async context manager that runs the line.

    Attributes:
        bulkhead: the places of the thread pool.

    Args:
        below: who is asked; while its `is_open` (a circuit breaker's) is true, nothing is queued for it.
        tokens: Reddit's budget.
        tickets: where callers read of their queued requests.
        places: requests at once, one thread each.
        most: requests in line over all replicas.
        per_caller: those of one caller; LOCAL has no bound of its own.
        repeat_seconds: how long a request may wait for each further token, while it holds a place.
    """

    def __init__(
        self,
        below: Source,
        tokens: SharedBudget,
        tickets: QueueTickets,
        *,
        places: int = 8,
        most: int = 1000,
        per_caller: int = 20,
        repeat_seconds: float = REPEAT_SECONDS,
    ) -> None:
        self.bulkhead = Bulkhead("reddit", places, max_waiting=0)
        self._below = below
        self._tokens = tokens
        self._repeat_seconds = repeat_seconds
        self._announcer = QueueNotices(tickets)
        self._dispatcher = Dispatcher(
            tokens,
            self._announcer,
            self.bulkhead,
            Bounds(most, per_caller),
            is_open=lambda: self._is_open,
            renew=self._renew,
        )

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._dispatcher.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._dispatcher.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def depth(self) -> int:
        """How many wait in this process."""
        return len(self._dispatcher.line)

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Wait for a turn and ask below.

        Raises:
            RateLimited: there is no token in time (without a flight that may go on).
            Unavailable: too many wait (`queue_full`), or the server stops (`draining`).
        """
        waiter = _waiter(query)
        if waiter.flight:
            waiter.flight.on_change = lambda: self._dispatcher.heed(waiter)
        try:
            answer = await self._served(query, waiter)
        except BaseException as error:
            await self._announcer.ended(waiter, error if isinstance(error, Failure) else _given_up())
            raise
        await self._announcer.ended(waiter, None)
        return answer

    async def _served(self, query: Query[T], waiter: Waiter) -> Answer[T]:
        grant = None if self._is_open else await self._turn(waiter)
        if grant is None:
            # An open breaker will refuse it; should it leave all the same, it has to get a token.
            return await self._ask(query, Grant("", 0.0, self._renew))
        metrics.observe(metrics.QUEUE_SECONDS, waiter.waited)
        return await self._work(query, waiter, grant)

    @property
    def _is_open(self) -> bool:
        return getattr(self._below, "is_open", False)

    async def _turn(self, waiter: Waiter, *, first: bool = False) -> Grant | None:
        if self._dispatcher.closing:
            raise draining()
        line = self._dispatcher.line
        line.join(waiter, first=first)
        self._dispatcher.wake()
        try:
            return await waiter.turn
        except asyncio.CancelledError:
            if grant := waiter.granted:
                self.bulkhead.leave(0.0)
                await self._tokens.give_back(grant.member)
            line.leave(waiter)
            self._dispatcher.wake()
            raise

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
            self._free(seconds := loop.time() - started - grant.waited)
            await self._tokens.settle(grant, failure, seconds)

    def _free(self, seconds: float) -> None:
        self.bulkhead.leave(seconds)
        self._dispatcher.seconds += (seconds - self._dispatcher.seconds) / 8
        if self._dispatcher.line:
            self._dispatcher.wake()

    async def _ask(self, query: Query[T], grant: Grant) -> Answer[T]:
        before, wait = current_grant.set(grant), token_wait.set(lambda: grant.waited)
        try:
            return await self._below.fetch(query)
        finally:
            current_grant.reset(before)
            token_wait.reset(wait)

    async def _renew(self, grant: Grant) -> None:
        """Put another token into this grant, for a request that is repeated below: before all others, and soon."""
        if grant.member:
            await self._tokens.settle(grant, None, 0.0)
        patience, began = min(self._repeat_seconds, remaining()), time.monotonic()
        waiter = Waiter(Priority.CRITICAL, caller.get(), None, _until(patience), admitted=True)
        self._dispatcher.repeating += 1
        try:
            fresh = await self._turn(waiter, first=True)
        finally:
            self._dispatcher.repeating -= 1
            grant.waited += time.monotonic() - began
        if fresh is None:
            raise response_errors.budget_spent(1.0, whose="The shared")
        self.bulkhead.leave(0.0)  # the request holds one already
        grant.member, grant.asked = fresh.member, fresh.asked


def _waiter(query: Query[T]) -> Waiter:
    flight = current_flight.get()
    patience = PATIENCE_SECONDS if flight else min(PATIENCE_SECONDS, remaining())
    return Waiter(flight.priority if flight else query.priority, caller.get(), flight, _until(patience))


def _given_up() -> Failure:
    """What its notice says; nobody waits for the exception."""
    return DeadlineExceeded("Your request was given up; repeat the call.", operation="queue")


def _until(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds
