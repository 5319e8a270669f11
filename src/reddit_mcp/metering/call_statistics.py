"""What operators see of calls, counted when a call ends; callers appear by pseudonym alone."""

import heapq
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from reddit_mcp.errors import CLIENTS_OWN, Failure
from reddit_mcp.metering.latency_buckets import bucket
from reddit_mcp.observability import metrics
from reddit_mcp.storage.accounting.call_windows import CallWindows

MOST_VIOLATORS = 50
"""Callers with a count of their own among those refused in a window of a process; anybody may be ever new ones."""

OTHERS = "others"
SLOWEST = 10


def is_own_fault(failure: Failure) -> bool:
    """Whether a failure is its caller's: wrong arguments, a spent quota, a reached charge limit."""
    spent = failure.data.get("limit_type") == "user" or failure.data.get("reason") == "charge_limit"
    return spent or failure.category in CLIENTS_OWN


class EndedCall(NamedTuple):
    """A call that has ended; its caller by pseudonym, `metadata` of its answer, `ms` how long it took."""

    tool: str
    tier: str
    caller: str
    failure: Failure | None
    metadata: Mapping[str, Any]
    ms: float


@dataclass(frozen=True, slots=True, order=True)
class SlowCall:
    """A call that took long."""

    duration_ms: float
    at_utc: int
    tool: str


class CallStatistics:
    """Counts calls.

    Attributes:
        windows: where they are kept.
        points: of each window that was reported its counts, and what they came to.

    Args:
        windows: where they are kept.
    """

    def __init__(self, windows: CallWindows) -> None:
        self.windows = windows
        self.points: dict[int, tuple[Counter[str], dict[str, Any]]] = {}
        self._window: Counter[str] | None = None
        self._named: set[str] = set()
        self._slow: list[SlowCall] = []
        self._slow_before: list[SlowCall] = []

    def note(self, call: EndedCall) -> None:
        """Count a call."""
        counts, failure = self.windows.current(call.caller), call.failure
        if counts is not self._window:
            self._window, self._named, self._slow, self._slow_before = counts, set(), [], self._slow
        counts[f"calls:{call.tool}"] += 1
        counts[f"ms:{bucket(call.ms)}"] += 1
        metrics.observe(metrics.CALL_SECONDS, call.ms / 1000, call.tool)
        metrics.count(metrics.CALLS, call.tool, failure.type if failure else "ok")
        if failure:
            self._note_failure(counts, call, failure)
        elif call.metadata.get("ttl"):  # watches and the like are no cache's matter
            _note_cache(counts, call.metadata)
        if len(self._slow) < SLOWEST or call.ms > self._slow[0].duration_ms:
            self._note_slow(call)

    @property
    def slowest(self) -> list[SlowCall]:
        """The slowest calls of this process in this window and the one before, the slowest first."""
        return heapq.nlargest(SLOWEST, [*self._slow, *self._slow_before])

    def _note_failure(self, counts: Counter[str], call: EndedCall, failure: Failure) -> None:
        counts[f"errors:{failure.type}"] += 1
        counts["faults"] += not is_own_fault(failure)
        metrics.count(metrics.CALL_ERRORS, failure.type, str(failure.code), failure.category)
        if failure.data.get("limit_type") == "user":
            counts[f"refused:{self._shown(call.caller)}"] += 1
            metrics.count(metrics.QUOTA_REFUSALS, call.tier, str(failure.data.get("window")))

    def _shown(self, caller: str) -> str:
        """Who was refused; the callers beyond the first ones of a window are counted together."""
        if len(self._named) < MOST_VIOLATORS:
            self._named.add(caller)
        return caller if caller in self._named else OTHERS

    def _note_slow(self, call: EndedCall) -> None:
        slow = SlowCall(call.ms, int(time.time()), call.tool)
        (heapq.heappush if len(self._slow) < SLOWEST else heapq.heapreplace)(self._slow, slow)


def _note_cache(counts: Counter[str], metadata: Mapping[str, Any]) -> None:
    """Where an answer came from, and how old it was."""
    if metadata.get("cached") or metadata.get("stale"):
        counts["hits"] += 1
        counts["age_seconds"] += int(metadata.get("cache_age_seconds") or 0)
    else:
        counts["misses"] += 1
