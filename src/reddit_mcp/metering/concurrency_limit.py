"""Load shedding: a call that would only wait is refused at once, unless its answer is at hand.

Strangers together have half of the places, so that they cannot shut out callers with a key.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.upstream.single_flight.call_context import answers_at_hand, overloaded

CALLS_PER_CALLER = 16
"""Calls of one caller at once in one process; a caller who is everybody there is has all places and more."""


class ConcurrencyLimit:
    """The places for calls in this process.

    Args:
        most: calls at once, of all callers.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: Counter[str] = Counter()
        self._strangers = 0

    @contextmanager
    def place(self, caller: Caller) -> Iterator[None]:
        """Hold a place for one call; where all are taken, it may be answered from the cache alone.

        Raises:
            Unavailable: this caller has too many calls (`overloaded`).
        """
        if self._calls[caller.id] >= self._own(caller):
            raise overloaded()
        at_hand = answers_at_hand.set(self._is_full(caller))
        self._calls[caller.id] += 1
        self._strangers += _is_stranger(caller)
        try:
            yield
        finally:
            answers_at_hand.reset(at_hand)
            self._strangers -= _is_stranger(caller)
            self._leave(caller.id)

    @property
    def running(self) -> int:
        """Calls that run now."""
        return self._calls.total()

    def is_busy(self, caller: str) -> bool:
        """Whether a call of this caller is running."""
        return caller in self._calls

    def _own(self, caller: Caller) -> int:
        return 2 * self._most if caller.shared or caller.tier == LOCAL.tier else CALLS_PER_CALLER

    def _is_full(self, caller: Caller) -> bool:
        too_many_strangers = _is_stranger(caller) and self._strangers >= max(1, self._most // 2)
        return too_many_strangers or self._calls.total() >= self._most

    def _leave(self, caller: str) -> None:
        self._calls[caller] -= 1
        if not self._calls[caller]:
            del self._calls[caller]  # so that callers who are gone are not remembered


def _is_stranger(caller: Caller) -> bool:
    return caller.tier == "anonymous"
