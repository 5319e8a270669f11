"""Who waits in this process for a request to Reddit: one line for each priority, first come, first served."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from reddit_mcp.errors import Failure
from reddit_mcp.storage.limits.request_budget import Census, Verdict
from reddit_mcp.upstream.rate_limit.pacing import PACED, estimate, position
from reddit_mcp.upstream.rate_limit.shared_budget import Grant
from reddit_mcp.upstream.resilience.bulkhead import Bulkhead
from reddit_mcp.upstream.single_flight.call_context import LOCAL, Flight, Ticket
from reddit_mcp.upstream.source import Priority


@dataclass(slots=True, eq=False)
class Waiter:
    """One request in line.

    Attributes:
        priority: its line.
        caller: whose it is.
        flight: who waits for it, where it goes on after its first caller has left.
        until: loop time after which it is of no use.
        since: loop time at which it came.
        turn: its grant, once it has one; None means that there is nothing to wait for.
        ticket: its place, as last estimated.
        request_id: what callers know it by; cannot be guessed.
        admitted: whether it is among those that the bounds let in.
    """

    priority: Priority
    caller: str
    flight: Flight | None
    until: float
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    turn: asyncio.Future[Grant | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    ticket: Ticket | None = None
    request_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    admitted: bool = False

    @property
    def waited(self) -> float:
        """Seconds in line."""
        return asyncio.get_running_loop().time() - self.since

    @property
    def left(self) -> float:
        """Seconds in which it must be done."""
        return self.until - asyncio.get_running_loop().time()

    @property
    def granted(self) -> Grant | None:
        """The grant that it was given, if it was."""
        turn = self.turn
        return turn.result() if turn.done() and not turn.cancelled() and not turn.exception() else None

    def pass_by(self) -> None:
        """End the waiting: there is nothing to wait for."""
        if not self.turn.done():
            self.turn.set_result(None)

    def fail(self, failure: Failure) -> None:
        """End the waiting without a turn."""
        if not self.turn.done():
            self.turn.set_exception(failure)


class PriorityQueue:
    """The lines of one process."""

    def __init__(self) -> None:
        self._lines: tuple[dict[Waiter, None], ...] = tuple({} for _ in Priority)

    def __len__(self) -> int:
        return sum(len(line) for line in self._lines)

    def __iter__(self) -> Iterator[Waiter]:
        """Who goes first comes first."""
        return chain.from_iterable(list(line) for line in self._lines)

    def join(self, waiter: Waiter, *, first: bool = False) -> None:
        """Stand at the end of the line, or at its head."""
        line = self._lines[waiter.priority]
        behind = list(line) if first else []
        line[waiter] = None
        for other in behind:
            del line[other]
            line[other] = None

    def leave(self, waiter: Waiter) -> None:
        """Leave from any place."""
        self._lines[waiter.priority].pop(waiter, None)

    def move(self, waiter: Waiter, priority: Priority) -> None:
        """Go to the end of a better line; who is not in line any more stays out of it."""
        if priority < waiter.priority and waiter in self._lines[waiter.priority]:
            self.leave(waiter)
            waiter.priority = priority
            self.join(waiter)

    def pop(self, priority: int) -> Waiter | None:
        """Call the first of a line."""
        waiter = next(iter(self._lines[priority]), None)
        if waiter:
            self.leave(waiter)
        return waiter

    def census(self, places: int) -> Census:
        """What the other replicas are told."""
        firsts = [next(iter(line), None) for line in self._lines]
        return Census(
            waiting=tuple(len(line) for line in self._lines),
            waited=tuple(first.waited if first else 0.0 for first in firsts),
            places=places,
            callers=self.callers(),
        )

    def callers(self) -> Counter[str]:
        """How many each bounded caller has in line."""
        return Counter(waiter.caller for waiter in self if waiter.caller != LOCAL)

    def tickets(self, verdict: Verdict, bulkhead: Bulkhead, seconds: float) -> Iterator[Ticket]:
        """Each waiter's place over all replicas and how long it lasts, where a request takes so many seconds."""
        census = self.census(bulkhead.free)
        here = 0
        for priority, line in enumerate(self._lines):
            for index, waiter in enumerate(line):
                here += 1
                place = position(priority, index, census, verdict.others)
                token = estimate(place, verdict, paced=priority >= PACED)
                thread = max(0, here - bulkhead.free) * seconds / bulkhead.places
                yield Ticket(waiter.request_id, place, max(token, thread))

    def crowd(self, verdict: Verdict, *, most: int, per_caller: int) -> list[Waiter]:
        """Who has to go because the bounds over all replicas are passed; who stays is admitted.

        Who came since the last look makes room: of their number, the lowest priority first, of one priority the newest.
        """
        new = [waiter for waiter in self if not waiter.admitted]
        greedy = self._greedy(new, verdict, per_caller)
        rest = [waiter for waiter in self if waiter not in greedy]
        excess = len(rest) + sum(sum(other.waiting) for other in verdict.others) - most
        for waiter in new:
            waiter.admitted = True
        return [*greedy, *rest[::-1][: max(0, min(excess, len(new) - len(greedy)))]]

    def _greedy(self, new: list[Waiter], verdict: Verdict, per_caller: int) -> list[Waiter]:
        counts = self.callers()
        for other in verdict.others:
            counts.update(other.callers)
        found = []
        for waiter in reversed(new):
            if counts[waiter.caller] > per_caller:
                counts[waiter.caller] -= 1
                found.append(waiter)
        return found
