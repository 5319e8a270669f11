"""What watches need of the world around them: the time, and where matches are sent."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from reddit_mcp.models import Match, Watch


class Clock(Protocol):
    """The only time that watches know."""

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait until so many of its seconds have passed."""
        ...


class SystemClock:
    """The computer's own clock."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        await asyncio.sleep(seconds)


class Delivery(Protocol):
    """Where matches are sent, such as webhooks and listening clients."""

    async def matched(self, watch: Watch, matches: Sequence[Match]) -> None:
        """Take over matches that are already stored.

        After a crash the same matches may come once more, so taking them twice must do no harm. A failure raised here
        brings them again at the next check.
        """
        ...


class NoDelivery:
    """Nobody is told; matches wait to be read."""

    async def matched(self, watch: Watch, matches: Sequence[Match]) -> None:
        """Nothing is left to do."""
