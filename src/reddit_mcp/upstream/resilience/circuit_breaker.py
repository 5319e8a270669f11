"""The circuit breaker of one upstream, and the layer that puts it around a Source.

The decision is local and costs no command while all is well; `shared_circuit` tells how replicas agree.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TypeVar

from reddit_mcp.errors import DeadlineExceeded, InvalidInput, NotFound, Unavailable, UpstreamError
from reddit_mcp.models import Value
from reddit_mcp.storage.breakers.breaker_records import BreakerRecords
from reddit_mcp.storage.breakers.breaker_report import State
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules, Clock, Outcome
from reddit_mcp.upstream.resilience.shared_circuit import Probe, SharedCircuit
from reddit_mcp.upstream.single_flight.call_context import token_wait
from reddit_mcp.upstream.source import Answer, Query, Source

T = TypeVar("T", bound=Value)


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to send one request."""

    started: float
    probe: Probe | None = None


class Breaker:
    """Refuses requests to an upstream that keeps failing.

    Only its own faults count (upstream_error with `fault`, timeout): a `not_found` shows that it works, a rate limit or
    refused credentials show nothing. A fault that names another `upstream_service` is that one's.
    """

    def __init__(self, name: str, records: BreakerRecords, rules: BreakerRules, clock: Clock = time.monotonic) -> None:
        self.name = name
        self.shared = SharedCircuit(name, records, rules, clock)
        self._circuit = self.shared.circuit
        self._clock = clock

    @property
    def state(self) -> State:
        """As this replica knows it."""
        return self._circuit.state

    @property
    def is_open(self) -> bool:
        """Whether a request would be refused at once, so that none need queue for it."""
        return self._circuit.state == "open"

    @contextlib.asynccontextmanager
    async def guard(self) -> AsyncIterator[None]:
        """Send one request to the upstream inside this context.

        Raises:
            Unavailable: the breaker is open (`breaker_open`).
        """
        leave = await self.enter()
        try:
            yield
        except BaseException as error:
            await self.leave(leave, error)
            raise
        await self.leave(leave, None)

    @contextlib.contextmanager
    def guard_in_thread(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """`guard` for a worker thread; the breaker lives on this loop."""
        leave = asyncio.run_coroutine_threadsafe(self.enter(), loop).result()
        try:
            yield
        except BaseException as error:
            asyncio.run_coroutine_threadsafe(self.leave(leave, error), loop).result()
            raise
        asyncio.run_coroutine_threadsafe(self.leave(leave, None), loop).result()

    async def enter(self) -> Pass:
        """Ask for leave; every pass must be given to `leave` once.

        Raises:
            Unavailable: the breaker is open (`breaker_open`).
        """
        circuit = self._circuit
        while circuit.doubtful:
            await self.shared.news.wait()
        if circuit.state == "half_open" and (probe := await self.shared.claim()):
            return Pass(self._clock(), probe)
        if circuit.state != "closed":
            raise self._refusal()
        circuit.enter()
        return Pass(self._clock())

    async def leave(self, given: Pass, error: BaseException | None) -> None:
        """Count what became of the request."""
        seconds, outcome = self._clock() - given.started - token_wait.get()(), self._outcome(error)
        self.shared.note(outcome, seconds, error)
        if given.probe:
            await self.shared.verdict(given.probe, outcome, seconds)
        else:
            before = self._circuit.round
            self._circuit.leave(outcome, seconds)
            self.shared.changed(before)
        self.shared.tell_soon()

    def _outcome(self, error: BaseException | None) -> Outcome:
        if error is None or isinstance(error, (NotFound, InvalidInput)):
            return Outcome.SUCCESS
        if not isinstance(error, (UpstreamError, DeadlineExceeded)):
            return Outcome.NEUTRAL
        own = error.data.get("upstream_service", self.name) == self.name
        declined = isinstance(error, UpstreamError) and not error.fault
        return Outcome.FAULT if own and not declined else Outcome.NEUTRAL

    def _refusal(self) -> Unavailable:
        retry = max(1, round(self._circuit.left))
        return Unavailable(
            f"The upstream service {self.name} keeps failing and is left in peace; try again in {retry} seconds.",
            service=self.name,
            reason="breaker_open",
            retry_after_seconds=retry,
        )


class Guarded:
    """The layer: a Source whose requests pass a breaker."""

    def __init__(self, below: Source, breaker: Breaker) -> None:
        self._below = below
        self._breaker = breaker

    @property
    def is_open(self) -> bool:
        """Whether a request would be refused at once."""
        return self._breaker.is_open

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask below, or refuse."""
        async with self._breaker.guard():
            return await self._below.fetch(query)
