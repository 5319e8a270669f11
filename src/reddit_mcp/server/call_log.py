"""One log line a call: who (by pseudonym), which tool, how long, from which cache, and how it failed."""

from typing import Any

from structlog.stdlib import BoundLogger

from reddit_mcp.errors import Failure, Internal
from reddit_mcp.models import Caller
from reddit_mcp.observability.redaction import pseudonym

CLIENTS_OWN = ("validation", "authentication", "client_error")
"""Categories of failures that the caller can avoid."""


class CallLog:
    """Writes the lines.

    Args:
        secret: makes pseudonyms that nobody without it can turn back into callers.
    """

    def __init__(self, log: BoundLogger, secret: bytes) -> None:
        self._log = log
        self._secret = secret

    def note(self, tool: str, caller: Caller, failure: Failure | None, outcome: object, **facts: Any) -> None:
        """Write a call's line: a bug is critical, the caller's own mistake a warning, any other failure an error."""
        who = {"caller": pseudonym(caller.id, self._secret), "tier": caller.tier}
        if failure is None:
            self._log.info("tool_called", tool=tool, cache=_cache(outcome), **who, **facts)
        else:
            write = getattr(self._log, _level(failure))
            write("tool_failed", tool=tool, error_type=failure.type, **who, **facts)


def _level(failure: Failure) -> str:
    if isinstance(failure, Internal):
        return "critical"
    own = failure.category in CLIENTS_OWN or failure.data.get("limit_type") == "user"
    return "warning" if own else "error"


def _cache(outcome: object) -> str:
    """Where the answer came from, by its own metadata."""
    content = getattr(outcome, "structured_content", None) or {}
    metadata = content.get("metadata", {})
    if metadata.get("stale"):
        return "stale"
    return "hit" if metadata.get("cached") else "miss"
