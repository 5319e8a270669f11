"""Load shedding: a call that would only wait is refused at once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from reddit_mcp.errors import Unavailable
from reddit_mcp.models import LOCAL, Caller

CALLS_PER_CALLER = 16
"""Calls of one caller at once in one process; a caller who is everybody there is has all places."""


class InFlight:
    """The places for calls in this process.

    Args:
        most: calls at once, of all callers.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: Counter[str] = Counter()

    @contextmanager
    def place(self, caller: Caller) -> Iterator[None]:
        """Hold a place for one call.

        Raises:
            Unavailable: there is none (`overloaded`).
        """
        if self._is_full(caller):
            raise Unavailable(
                "Too many calls are running at once; try again in a second.",
                service="reddit-mcp",
                reason="overloaded",
                retry_after_seconds=1,
            )
        self._calls[caller.id] += 1
        try:
            yield
        finally:
            self._leave(caller.id)

    def is_busy(self, caller: str) -> bool:
        """Whether a call of this caller is running."""
        return caller in self._calls

    def _is_full(self, caller: Caller) -> bool:
        own = self._most if caller.shared or caller.tier == LOCAL.tier else CALLS_PER_CALLER
        return self._calls.total() >= self._most or self._calls[caller.id] >= own

    def _leave(self, caller: str) -> None:
        self._calls[caller] -= 1
        if not self._calls[caller]:
            del self._calls[caller]  # so that callers who are gone are not remembered
