"""Health: alive while the loop turns, ready between start and drain, healthy by asking each component."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from reddit_mcp.errors import Failure

Ping = Callable[[], Awaitable[object]]


class Health:
    """The state of one server.

    Attributes:
        reason: why it is not ready; empty when it is.
    """

    def __init__(self) -> None:
        self.reason = "starting"
        self.pings: Callable[[], Mapping[str, Ping]] = dict

    def routes(self) -> list[Route]:
        """The routes of load balancers and probes."""
        return [
            Route("/health", self._health),
            Route("/health/ready", self._ready),
            Route("/health/live", self._live),
        ]

    async def _live(self, _request: Request) -> JSONResponse:
        return JSONResponse({"alive": True})

    async def _ready(self, _request: Request) -> JSONResponse:
        ready = not self.reason
        return JSONResponse({"ready": ready, "reason": self.reason}, 200 if ready else 503)

    async def _health(self, _request: Request) -> JSONResponse:
        pings = self.pings()
        found = await asyncio.gather(*(_check(ping) for ping in pings.values()))
        components = dict(zip(pings, found, strict=True))
        well = all(component["status"] == "healthy" for component in components.values())
        status = "unhealthy" if self.reason else "healthy" if well else "degraded"
        content = {"status": status, "timestamp": _now(), "components": components}
        return JSONResponse(content, 503 if self.reason else 200)


async def _check(ping: Ping) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        said = await ping()
        status, message = "healthy", said if isinstance(said, str) else "ok"
    except Failure as failure:
        status, message = "unhealthy", str(failure)
    taken = round((time.perf_counter() - started) * 1000, 1)
    return {"status": status, "message": message, "response_time_ms": taken, "last_check": _now()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
