"""A bulkhead: each resource has places of its own, so that one that is slow cannot sink the others."""

import asyncio
import time
from collections import deque
from types import TracebackType

from reddit_mcp.errors import Unavailable
from reddit_mcp.observability import metrics


class Bulkhead:
    """Places to work with a resource, first come, first served; an async context manager for any number of tasks.

    Attributes:
        name: the resource, such as `reddit`.
        places: how many may work at once.
        in_use: how many work now.
        refused: how many were turned away since the start.
        total: how many were let in since the start.
        slowest: the longest that a place was held, in seconds.

    Args:
        max_waiting: how many may wait for a place; the next is refused.
    """

    def __init__(self, name: str, places: int, max_waiting: int) -> None:
        self.name = name
        self.places = places
        self.in_use = self.refused = self.total = 0
        self.slowest = 0.0
        self._max_waiting = max_waiting
        self._line: deque[asyncio.Future[None]] = deque()
        self._since: dict[asyncio.Task[object] | None, float] = {}

    @property
    def free(self) -> int:
        """Places that nobody holds."""
        return self.places - self.in_use

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._line)

    async def __aenter__(self) -> None:
        """Wait for a place.

        Raises:
            Unavailable: too many wait already (`overloaded`).
        """
        if self.free and not self._line:
            self.enter()
        else:
            await self._wait()
        self._since[asyncio.current_task()] = time.monotonic()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave(time.monotonic() - self._since.pop(asyncio.current_task()))

    def enter(self) -> None:
        """Take a place that is free, without waiting."""
        self.in_use += 1
        metrics.gauge(metrics.BULKHEAD_ACTIVE, self.in_use, self.name)
        self.total += 1

    def leave(self, seconds: float) -> None:
        """Give a place back that was held so long; who waits longest gets it."""
        self.in_use -= 1
        metrics.gauge(metrics.BULKHEAD_ACTIVE, self.in_use, self.name)
        self.slowest = max(self.slowest, seconds)
        while self._line and self.free:
            if not (first := self._line.popleft()).done():
                self.enter()
                first.set_result(None)

    async def _wait(self) -> None:
        if len(self._line) >= self._max_waiting:
            self.refused += 1
            metrics.count(metrics.BULKHEAD_REJECTIONS, self.name)
            raise Unavailable(
                f"The server has too much to do with {self.name} at the moment; try again in a few seconds.",
                service=self.name,
                reason="overloaded",
            )
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._line = deque(other for other in self._line if other is not turn)
            else:
                self.leave(0.0)
            raise
