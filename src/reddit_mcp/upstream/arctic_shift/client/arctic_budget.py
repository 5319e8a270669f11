"""What Arctic Shift last said of its request limit."""

import time
from collections.abc import Mapping

from reddit_mcp.upstream.arctic_shift.client.arctic_failures import spent
from reddit_mcp.upstream.rate_limit import reported_limit
from reddit_mcp.upstream.reddit_api import response_errors

_EPOCH = 1e9
"""A larger number is a time of day, not a wait; its documentation does not say which of them the header holds."""


class Budget(reported_limit.ReportedLimit):
    """Like Reddit's: `remaining`, `reset_at` and `blocked_until`, learnt from each answer's headers."""

    def learn(self, headers: Mapping[str, str]) -> None:
        """Read `X-RateLimit-Remaining` and `X-RateLimit-Reset`; anything else is ignored."""
        told = {name: headers.get(name, "") for name in ("x-ratelimit-remaining", "x-ratelimit-reset")}
        told["x-ratelimit-reset"] = str(wait(headers) or "")
        super().learn(told)

    def check(self) -> None:
        """Raise RateLimited while Arctic Shift would refuse anyway."""
        if (left := self.blocked_until - time.monotonic()) > 0:
            raise spent(left)


def wait(headers: Mapping[str, str]) -> float | None:
    """Seconds until the limit is reset, told as seconds or as a time in seconds or milliseconds since 1970."""
    try:
        value = float(headers.get("x-ratelimit-reset", ""))
    except ValueError:
        return None
    if value > _EPOCH:
        value = (value / 1000 if value > _EPOCH * 1000 else value) - time.time()
    return response_errors.seconds(str(value))
