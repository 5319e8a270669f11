"""The end of a server: running calls have a last moment, and who is not done then is told so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from reddit_mcp.errors import Unavailable


class Draining:
    """The running calls of one server."""

    def __init__(self) -> None:
        self._limits: set[asyncio.Timeout] = set()
        self._last_moment: float | None = None

    def begin(self, seconds: float) -> None:
        """Give what runs, and what still begins, so many seconds."""
        self._last_moment = asyncio.get_running_loop().time() + seconds
        for limit in self._limits:
            self._shorten(limit)

    @contextlib.asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        """What happens inside may take so long, and less while the server drains.

        Raises:
            TimeoutError: it took longer.
            Unavailable: the server's last moment came first (`draining`).
        """
        try:
            async with asyncio.timeout(seconds) as limit:
                self._limits.add(limit)
                self._shorten(limit)
                try:
                    yield
                finally:
                    self._limits.discard(limit)
        except TimeoutError:
            if self._last_moment is None:
                raise
            raise _draining() from None

    def _shorten(self, limit: asyncio.Timeout) -> None:
        if self._last_moment is not None and (limit.when() or 0) > self._last_moment:
            limit.reschedule(self._last_moment)


def _draining() -> Unavailable:
    return Unavailable(
        "The server is being stopped and could not finish this call; try again.",
        service="reddit-mcp",
        reason="draining",
        retry_after_seconds=1,
    )
