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

    def succeeded(self, tool: str, caller: Caller, metadata: dict[str, Any], **facts: Any) -> None:
        """An answer; `metadata` is the answer's own."""
        self._log.info("tool_called", tool=tool, cache=_outcome(metadata), **self._of(caller), **facts)

    def failed(self, tool: str, caller: Caller, failure: Failure, **facts: Any) -> None:
        """A failure: a bug is critical, the caller's own mistake a warning, everything else an error."""
        level = _level(failure)
        getattr(self._log, level)("tool_failed", tool=tool, error_type=failure.type, **self._of(caller), **facts)

    def _of(self, caller: Caller) -> dict[str, str]:
        return {"caller": pseudonym(caller.id, self._secret), "tier": caller.tier}


def _level(failure: Failure) -> str:
    if isinstance(failure, Internal):
        return "critical"
    own = failure.category in CLIENTS_OWN or failure.data.get("limit_type") == "user"
    return "warning" if own else "error"


def _outcome(metadata: dict[str, Any]) -> str:
    if metadata.get("stale"):
        return "stale"
    return "hit" if metadata.get("cached") else "miss"
