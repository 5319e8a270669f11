"""What callers ask beside calling tools: bounded by a bucket of its own, and told in a sentence where it was wrong.

Lists, completions, prompts, pings and refused arguments cost no quota, but work: each caller may ask ten times as often
as call, at least 60 times a minute.
"""

import math
from typing import Any

from mcp.server.context import CallNext, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from reddit_mcp.errors import RateLimited
from reddit_mcp.metering.local_quota import LocalBuckets
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.observability.logs import logger
from reddit_mcp.tiers import Tier, Tiers
from reddit_mcp.upstream.single_flight.call_context import caller as current_caller

TIMES = 10
LEAST = 60
"""Requests a minute at least."""

_log = logger(__name__)


class SideRequests:
    """The second bucket of each caller, in this process.

    Args:
        tiers: what each tier has.
    """

    def __init__(self, tiers: Tiers) -> None:
        self._tiers = tiers
        self._buckets = LocalBuckets(lambda: 1)

    def take(self, caller: Caller) -> None:
        """Take one request.

        Raises:
            RateLimited: there were too many; callers without a quota have no bucket.
        """
        tier = self._tiers.named(caller.tier)
        if tier.unlimited:
            return
        spent = self._buckets.spend(caller.id, Tier(minute=max(LEAST, TIMES * (tier.minute or 0))), 1)
        if spent.refused is None:
            return
        retry = max(1, math.ceil(spent.refused.wait))
        raise RateLimited(
            f"You ask too much beside calling tools; try again in {retry} second{'s' * (retry > 1)}.",
            limit_type="user",
            window="minute",
            quota_limit=spent.refused.limit,
            quota_remaining=0,
            rate_limit_tier=caller.tier,
            retry_after_seconds=retry,
        )

    def refusal(self, scope: Scope, message: dict[str, Any]) -> Response | None:
        """The answer to a message over HTTP that is one too many; None where it may go on, and is counted."""
        if not _is_side(str(message.get("method"))) or "id" not in message:
            return None
        scope["counted"] = True
        try:
            self.take(scope.get("caller", LOCAL))
        except RateLimited as refused:
            scope["quota"] = {"nearest": None}  # its headers would cost a look into the store
            error = {"code": refused.code, "message": str(refused), "data": refused.data}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error})
        return None

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> Any:
        """Middleware of the SDK's server: every request and notice passes here, in its caller's name.

        Raises:
            MCPError: the request was refused, was wrong, or met a bug of ours.
        """
        scope = getattr(ctx.request, "scope", {})
        who: Caller = scope.get("caller", LOCAL)
        current_caller.set(who.id)
        try:
            if _is_side(ctx.method) and "counted" not in scope:
                self.take(who)
            return await call_next(ctx)
        except (MCPError, ValidationError):
            raise
        except RateLimited as refused:
            raise MCPError(refused.code, str(refused), refused.data) from None
        except Exception as bug:  # noqa: BLE001 - whatever it is, the caller gets a sentence
            _log.critical("request_crashed", method=ctx.method[:100], exc_info=bug)
            raise MCPError(INTERNAL_ERROR, "Something went wrong in this server; its log tells the story.") from None


def _is_side(method: str) -> bool:
    return method != "tools/call" and not method.startswith("notifications/")
