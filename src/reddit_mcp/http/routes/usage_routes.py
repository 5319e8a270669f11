"""`/usage`: what the caller did day by day, and what is left of the quota. `keys usage` shows the same to operators."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from reddit_mcp.errors import Unavailable
from reddit_mcp.http.error_responses import refusal
from reddit_mcp.metering.call_quota import CallQuota
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.storage.accounting.usage_records import UsageRecords
from reddit_mcp.storage.limits.quota_counters import Left


def usage_routes(usage: Callable[[], UsageRecords], quota: Callable[[], CallQuota]) -> list[Route]:
    """`GET /usage`; the arguments give those of the running application."""

    async def own(request: Request) -> JSONResponse:
        caller: Caller = request.scope.get("caller", LOCAL)
        try:
            content = await report(usage(), quota(), caller)
        except Unavailable as failure:
            return refusal(failure, request.scope.get("request_id", ""))
        return JSONResponse(content, headers={"Cache-Control": "no-store"})

    return [Route("/usage", own, methods=["GET"])]


async def report(usage: UsageRecords, quota: CallQuota, caller: Caller) -> dict[str, Any]:
    """The last 31 days, up to a second ago, and the quota, which is None for a caller without one.

    Raises:
        Unavailable: Redis is away.
    """
    days = await usage.of(caller.id)
    left = await quota.look(caller)
    return {
        "user": caller.id,
        "tier": caller.tier,
        "quota": None if left is None else [_shown(window) for window in left],
        "days": [asdict(day) for day in days],
    }


def _shown(window: Left) -> dict[str, Any]:
    reset = round(window.reset, 3)
    return {"window": window.window, "limit": window.limit, "remaining": window.left, "reset_seconds": reset}
