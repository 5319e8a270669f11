"""One log line a call: who (by pseudonym), which tool, how long, from which cache, and how it failed."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from structlog.stdlib import BoundLogger

from reddit_mcp.errors import Failure, Internal
from reddit_mcp.metering.call_statistics import CallStatistics, EndedCall, is_own_fault
from reddit_mcp.models import Caller, CallEvent
from reddit_mcp.observability.redaction import pseudonym

Observer = Callable[[CallEvent], None]


class CallLog:
    """Writes the lines.

    Args:
        secret: makes pseudonyms that nobody without it can turn back into callers.
        observe: hears of each call too.
        statistics: counts each call.
    """

    def __init__(
        self,
        log: BoundLogger,
        secret: bytes,
        observe: Observer | None = None,
        statistics: CallStatistics | None = None,
    ) -> None:
        self._log = log
        self._statistics = statistics
        self._secret = secret
        self._observe = observe

    def note(
        self,
        tool: str,
        caller: Caller,
        failure: Failure | None,
        outcome: object,
        *,
        trace_id: str,
        duration_ms: float = 0.0,
        charged: tuple[str, ...] = (),
    ) -> None:
        """Write a call's line: a bug is critical, what only its caller can mend a warning, another failure an error."""
        content = getattr(outcome, "structured_content", None) or {}
        metadata = content.get("metadata", {})
        facts: dict[str, Any] = {
            "tool": tool,
            "caller": pseudonym(caller.id, self._secret),
            "tier": caller.tier,
            "duration_ms": round(duration_ms),
            **({"cache": _cache(metadata)} if failure is None else {"error_type": failure.type}),
        }
        if self._statistics is not None:
            self._statistics.note(EndedCall(tool, caller.tier, facts["caller"], failure, metadata, duration_ms))
        if failure is None:
            self._log.info("tool_called", **facts, trace_id=trace_id)
        else:
            getattr(self._log, _level(failure))("tool_failed", **facts, trace_id=trace_id)
        if self._observe is not None:
            self._observe(CallEvent(at_utc=int(time.time()), charged=charged, **facts))


def _level(failure: Failure) -> str:
    if isinstance(failure, Internal):
        return "critical"
    return "warning" if is_own_fault(failure) else "error"


def _cache(metadata: Mapping[str, Any]) -> str:
    """Where the answer came from, by its own metadata."""
    if metadata.get("stale"):
        return "stale"
    return "hit" if metadata.get("cached") else "miss"
