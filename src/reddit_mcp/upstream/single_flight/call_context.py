"""What the layers know of one another's work: the deadline of the call, and the flight that a call waits for."""

import asyncio
from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass, field

from reddit_mcp.errors import RateLimited, Unavailable
from reddit_mcp.upstream.source import Priority

LOCAL = "local"
"""The caller where there are no keys: the operator, and the server's own work."""

caller: ContextVar[str] = ContextVar("caller", default=LOCAL)
"""Who the current work is for; its numbers in the queue are bounded, but for LOCAL."""

deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
"""Loop time by which the current call must be answered; None outside of calls."""


answers_at_hand: ContextVar[bool] = ContextVar("answers_at_hand", default=False)
"""Whether the current call has no place, so that only an answer that is cached may be given."""


token_wait: ContextVar[Callable[[], float]] = ContextVar("token_wait", default=lambda: 0.0)
"""Seconds that the present question has waited for further tokens: nobody but the budget was slow meanwhile."""


def overloaded() -> Unavailable:
    """Too much is going on."""
    return Unavailable(
        "Too many calls are running at once; try again in a second.",
        service="reddit-mcp",
        reason="overloaded",
        retry_after_seconds=1,
    )


PATIENCE_SECONDS = 600.0
"""How long work goes on whose callers have left."""


def remaining() -> float:
    """Seconds left for the current call; infinite outside of calls."""
    until = deadline.get()
    return float("inf") if until is None else until - asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in the queue for the budget of requests; `estimated_wait` is in seconds."""

    request_id: str
    position: int
    estimated_wait: float

    def refusal(self) -> RateLimited:
        """What a caller hears who cannot wait that long: the work goes on without it."""
        retry = max(1, round(self.estimated_wait))
        return RateLimited(
            f"The shared request budget is used up; this request is queued at position {self.position}. "
            f"Repeat the call in {retry} seconds to get its answer.",
            limit_type="reddit_api",
            status="queued",
            request_id=self.request_id,
            position=self.position,
            estimated_wait_seconds=retry,
            retry_after_seconds=retry,
            status_url=f"/queue/status/{self.request_id}",
        )


@dataclass(slots=True)
class Flight:
    """One question to Reddit that is being worked on for any number of callers.

    Attributes:
        key: the question's.
        priority: the best of its callers'.
        ticket: its place in the queue, once it has to wait there.
        callers: who have waited for it.
        on_change: told when another caller waits for it, or a more urgent one.
    """

    key: str
    priority: Priority
    ticket: Ticket | None = None
    callers: set[str] = field(default_factory=set)
    on_change: Callable[[], None] = lambda: None
    _news: asyncio.Future[None] | None = None

    @property
    def news(self) -> asyncio.Future[None]:
        """Done with the next ticket. It is everybody's, so wait for it by `asyncio.wait`, which cancels nothing."""
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        return self._news

    @property
    def too_late(self) -> Ticket | None:
        """The ticket, if the work is known to come too late for the current call."""
        return self.ticket if self.ticket and self.ticket.estimated_wait > remaining() else None

    def announce(self, ticket: Ticket) -> None:
        """Say that the work has to wait in the queue, or how long it now has to."""
        self.ticket = ticket
        if self._news:
            self._news.set_result(None)
            self._news = None

    def urge(self, priority: Priority, callers: Collection[str] = ()) -> None:
        """Say that these callers wait for it too, and how urgently."""
        if priority < self.priority or not self.callers.issuperset(callers):
            self.priority = min(self.priority, priority)
            self.callers.update(callers)
            self.on_change()

    def serve(self, other: "Flight") -> None:
        """Work for another flight from now on: who waits for that one waits for this one."""
        other.on_change = lambda: self.urge(other.priority, other.callers)
        other.on_change()

    def board(self) -> None:
        """Say that the current call waits for it."""
        self.urge(self.priority, {caller.get()})


current_flight: ContextVar[Flight | None] = ContextVar("current_flight", default=None)
"""The flight that the work below the coalescing layer belongs to."""
