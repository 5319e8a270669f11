"""`X-RateLimit-*`: what their quota has left, on every answer to callers who have one."""

import math
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reddit_mcp.metering.call_quota import CallQuota, State
from reddit_mcp.models import Caller
from reddit_mcp.storage.limits.quota_counters import Left, nearest


class QuotaHeaders:
    """Stands below authentication, which names the caller.

    A call leaves the state of its quota in `scope["quota"]`. An answer that begins before its call, as a stream does,
    or that is to no call at all, tells what a look finds.

    Args:
        quota: gives the quotas; nobody is a caller before the application is open, so it is not asked earlier.
    """

    def __init__(self, app: ASGIApp, quota: Callable[[], CallQuota]) -> None:
        self._app = app
        self._quota = quota

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a place for the state of its caller's quota."""
        if scope["type"] != "http" or "caller" not in scope:
            await self._app(scope, receive, send)
            return
        state: State = scope.setdefault("quota", {})

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                window = state["nearest"] if "nearest" in state else await self._look(scope["caller"])
                _write(MutableHeaders(scope=message), window)
            await send(message)

        await self._app(scope, receive, named)

    async def _look(self, caller: Caller) -> Left | None:
        return nearest(await self._quota().look(caller) or ())


def _write(headers: MutableHeaders, window: Left | None) -> None:
    if window is None:
        return
    headers["X-RateLimit-Limit"] = str(window.limit)
    headers["X-RateLimit-Remaining"] = str(window.left)
    headers["X-RateLimit-Reset"] = str(math.ceil(window.reset))
    if window.wait:
        headers.setdefault("Retry-After", str(max(1, math.ceil(window.wait))))  # a page may know better
