"""Health: alive while the loop turns, ready between start and drain, healthy by asking each component."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from reddit_mcp.observability.health_monitor import HealthMonitor, now


class Health:
    """The state of one server.

    Attributes:
        reason: why it is not ready; empty when it is.
        monitor: tells of the components; None before they are open.
    """

    def __init__(self) -> None:
        self.reason = "starting"
        self.monitor: HealthMonitor | None = None

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
        components = await self.monitor.components() if self.monitor else {}
        well = all(component.status == "healthy" for component in components.values())
        status = "unhealthy" if self.reason else "healthy" if well else "degraded"
        shown = {name: asdict(component) for name, component in components.items()}
        content = {"status": status, "timestamp": now(), "components": shown}
        return JSONResponse(content, 503 if self.reason else 200)
