"""The first cache: decoded answers in this process, the least recently used leave first."""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from reddit_mcp.observability import metrics
from reddit_mcp.storage.cache.cache_encoding import Entry

RECENT_SECONDS = 60.0
"""How long an answer is believed without a look into Redis, where another replica may have a newer one."""

LARGEST = 64_000_000
"""Bytes that all answers may take together."""

_DECODED = 4
"""Bytes that a model takes for each byte of its JSON (measured: 1.5 for long posts to 4.8 for short comments)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was asked for, by this memory's clock and its count of purges."""

    time: float
    purges: int


@dataclass(slots=True)
class _Held:
    entry: Entry[Any]
    since: float
    claimed: bool


class MemoryCache:
    """Answers by question, bounded by number and bytes.

    Args:
        entries: how many at most.
        size: how many bytes they may take.
        clock: monotonic seconds.
    """

    def __init__(self, entries: int = 1000, size: int = LARGEST, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries = entries
        self._free = size
        self._clock = clock
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._purges = 0
        self._doubted = float("-inf")

    def moment(self) -> Moment:
        """Now; to be taken before an answer is asked for, and handed in with it."""
        return Moment(self._clock(), self._purges)

    def recent(self, question: str) -> Entry[Any] | None:
        """The answer, unless it should first be looked up in Redis again."""
        held = self._held.get(question)
        if held is None or self._clock() - held.since >= RECENT_SECONDS or held.since <= self._doubted:
            return None
        self._held.move_to_end(question)
        return held.entry

    def last(self, question: str) -> Entry[Any] | None:
        """The answer, however long it has been here."""
        held = self._held.get(question)
        return held.entry if held else None

    def claim(self, question: str) -> bool:
        """Whether nobody has claimed the renewal of this answer yet."""
        held = self._held.get(question)
        if held is None or held.claimed:
            return held is None
        held.claimed = True
        return True

    def put(self, question: str, entry: Entry[Any], asked: Moment, *, spare: bool = False) -> None:
        """Hold an answer, unless something was purged since it was asked for.

        Args:
            question: the question's key.
            entry: the answer.
            asked: when it was asked for.
            spare: nobody has asked this question yet, so that the answer takes nobody's place.
        """
        if asked.purges != self._purges:
            return
        claimed = self._is_claimed(question, entry)
        self.drop(question)
        self._held[question] = _Held(entry, asked.time, claimed)
        self._free -= _DECODED * entry.size
        if spare:
            self._held.move_to_end(question, last=False)
        while self._held and (len(self._held) > self._entries or self._free < 0):
            self.drop(next(iter(self._held)))
            metrics.count(metrics.CACHE_EVICTIONS)

    def _is_claimed(self, question: str, entry: Entry[Any]) -> bool:
        """Whether this very answer is held and claimed: reading it again is no reason to renew it again."""
        held = self._held.get(question)
        return held is not None and held.claimed and held.entry.facts == entry.facts

    def drop(self, question: str) -> None:
        """Forget the answer to a question."""
        if held := self._held.pop(question, None):
            self._free += _DECODED * held.entry.size

    def purge(self, tags: Collection[str]) -> None:
        """Forget all answers with one of these tags."""
        self._purges += 1
        for question, held in list(self._held.items()):
            if not held.entry.facts.marks.keys().isdisjoint(tags):
                self.drop(question)

    def doubt(self) -> None:
        """A purge may have been missed: nothing held now is recent any more."""
        self._doubted = self._clock()
