"""What Reddit last said of its own request limit."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from reddit_mcp.upstream.reddit_api import response_errors


@dataclass(slots=True)
class ReportedLimit:
    """Shared by all PRAW instances of one application, whose threads write it.

    Attributes:
        remaining: requests left in Reddit's window; None before its first word.
        reset_at: monotonic time at which that window ends.
        blocked_until: monotonic time before which Reddit would refuse.
    """

    remaining: int | None = None
    reset_at: float = 0.0
    blocked_until: float = 0.0

    def learn(self, headers: Mapping[str, str]) -> None:
        """Read `x-ratelimit-remaining` (a float string) and `-reset` (seconds); anything else is ignored."""
        try:
            remaining = float(headers["x-ratelimit-remaining"])
        except (KeyError, ValueError):
            return
        if not 0 <= remaining < 1e9:  # noqa: PLR2004 - not a count
            return
        self.remaining = int(remaining)
        wait = response_errors.seconds(headers.get("x-ratelimit-reset"))
        if wait:
            self.reset_at = time.monotonic() + wait
        if remaining < 1 and wait:
            self.blocked_until = self.reset_at

    def check(self) -> None:
        """Raise RateLimited while Reddit would refuse anyway."""
        if (wait := self.blocked_until - time.monotonic()) > 0:
            raise response_errors.budget_spent(wait)
