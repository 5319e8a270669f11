"""One log line a call: who (by pseudonym), which tool, how long, from which cache, and how it failed."""

import time
from collections.abc import Callable
from typing import Any

from structlog.stdlib import BoundLogger

from reddit_mcp.errors import Failure, Internal
from reddit_mcp.models import Caller, CallEvent
from reddit_mcp.observability.redaction import pseudonym

CLIENTS_OWN = ("validation", "authentication", "client_error")
"""Categories of failures that the caller can avoid."""

Observer = Callable[[CallEvent], None]


class CallLog:
    """Writes the lines.

    Args:
        secret: makes pseudonyms that nobody without it can turn back into callers.
        observe: hears of each call too.
    """

    def __init__(self, log: BoundLogger, secret: bytes, observe: Observer | None = None) -> None:
        self._log = log
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
        duration_ms: int = 0,
        charged: tuple[str, ...] = (),
    ) -> None:
        """Write a call's line: a bug is critical, what only its caller can mend a warning, another failure an error."""
        facts: dict[str, Any] = {
            "tool": tool,
            "caller": pseudonym(caller.id, self._secret),
            "tier": caller.tier,
            "duration_ms": duration_ms,
            **({"cache": _cache(outcome)} if failure is None else {"error_type": failure.type}),
        }
        if failure is None:
            self._log.info("tool_called", **facts, trace_id=trace_id)
        else:
            getattr(self._log, _level(failure))("tool_failed", **facts, trace_id=trace_id)
        if self._observe is not None:
            self._observe(CallEvent(at_utc=int(time.time()), charged=charged, **facts))


def _level(failure: Failure) -> str:
    if isinstance(failure, Internal):
        return "critical"
    spent = failure.data.get("limit_type") == "user" or failure.data.get("reason") == "charge_limit"
    return "warning" if spent or failure.category in CLIENTS_OWN else "error"


def _cache(outcome: object) -> str:
    """Where the answer came from, by its own metadata."""
    content = getattr(outcome, "structured_content", None) or {}
    metadata = content.get("metadata", {})
    if metadata.get("stale"):
        return "stale"
    return "hit" if metadata.get("cached") else "miss"
