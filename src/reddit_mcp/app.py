"""The composition root over HTTP: the whole server as one ASGI app."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route

from reddit_mcp.auth.authentication import Authentication, Authenticator, operator_only
from reddit_mcp.auth.oauth_tokens import challenge, metadata_routes, open_tokens
from reddit_mcp.container import Container, open_container
from reddit_mcp.data_source.data_sources import DataSources
from reddit_mcp.data_source.live_figures import live_figures
from reddit_mcp.http.error_responses import refused
from reddit_mcp.http.middleware.gateway_headers import GatewayHeaders
from reddit_mcp.http.middleware.idle_streams import IDLE_SECONDS, IdleStreams, OpenStreams
from reddit_mcp.http.middleware.quota_headers import QuotaHeaders
from reddit_mcp.http.middleware.readiness_probe import ReadinessProbe
from reddit_mcp.http.middleware.request_guard import RequestGuard
from reddit_mcp.http.pages.dashboard_page import PATH as DASHBOARD
from reddit_mcp.http.pages.dashboard_page import DashboardSignIn, dashboard
from reddit_mcp.http.routes.breaker_routes import breaker_routes
from reddit_mcp.http.routes.health_routes import Health
from reddit_mcp.http.routes.page_routes import page_routes
from reddit_mcp.http.routes.queue_status_routes import routes as queue_routes
from reddit_mcp.http.routes.statistics_routes import statistics_routes
from reddit_mcp.http.routes.usage_routes import usage_routes
from reddit_mcp.mcp_server.server import Accounts
from reddit_mcp.mcp_server.transports import PROTOCOLS, Transports
from reddit_mcp.metering.billing_port import OpenBilling, unbilled
from reddit_mcp.metering.call_log import Observer
from reddit_mcp.metering.call_statistics import CallStatistics
from reddit_mcp.models import Caller
from reddit_mcp.observability.health_monitor import HealthMonitor, Ping
from reddit_mcp.settings import Settings
from reddit_mcp.watches.ports import Delivery


class _Running:
    """What requests find once the application is open, and how it begins to end."""

    def __init__(self, settings: Settings) -> None:
        self.opened: Container | None = None
        self.gate: Authenticator | None = None
        self.health = Health()
        self.streams = OpenStreams(self._is_busy, IDLE_SECONDS if settings.apify.is_at_home else None)

    @property
    def outbound(self) -> DataSources:
        """The open ways to data."""
        return self._required().outbound

    @property
    def accounts(self) -> Accounts:
        """The callers' accounts."""
        return self._required().accounts

    @property
    def statistics(self) -> CallStatistics:
        """What was called."""
        return self._required().statistics

    def live(self, queue_max: int) -> dict[str, Any]:
        """What is true now, and what is not well."""
        ill = self.health.monitor.degraded if self.health.monitor else ()
        return {**live_figures(self.outbound, self.accounts, queue_max), "degraded": sorted(ill)}

    def source(self) -> tuple[str, str]:
        """Who answers now, and why."""
        return self.outbound.active.name, self.outbound.active.why

    def begin(self, server: Container, gate: Authenticator) -> None:
        """Let requests in."""
        self.opened, self.gate = server, gate
        self.health.reason = ""

    def drain(self, seconds: float) -> None:
        """Say that it is not ready, give running calls so long, and end open streams."""
        self.health.reason = "draining"
        self.streams.drain()
        if self.opened:
            self.opened.mcp.draining.begin(seconds)
            self.opened.jobs.drain()

    def _required(self) -> Container:
        if self.opened is None:
            raise HTTPException(503, "The server is starting.")
        return self.opened

    def _is_busy(self, caller: str) -> bool:
        """Whether a call of this caller is running."""
        return self.opened is not None and self.opened.accounts.in_flight.is_busy(caller)


def build(
    settings: Settings,
    account: Caller | None = None,
    open_billing: OpenBilling = unbilled,
    observe: Observer | None = None,
    delivery: Delivery | None = None,
    pings: Mapping[str, Ping] | None = None,
) -> Starlette:
    """The whole server as one ASGI app; its lifespan opens and closes everything.

    Its `state.drain(seconds)` makes it say that it is not ready, gives running calls that long, and ends open streams;
    `state.active_source()` tells whose data it serves.

    Args:
        settings: what is served, and how.
        account: who calls without a key where AUTH_MODE is apify.
        open_billing: opens the billing of calls.
        observe: hears of each call that has ended.
        delivery: is told of matches too.
        pings: of resources that were opened before, for `/health`.
    """
    transports, running = Transports(sessions=settings.mcp_sessions), _Running(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with (
            open_container(settings, open_billing, observe, delivery) as server,
            HealthMonitor(lambda: {**server.pings(), **(pings or {})}, server.news) as monitor,
            open_tokens(settings) as tokens,
        ):
            running.health.monitor = monitor
            gate = Authenticator(settings, server.secrets, server.keyring, account, tokens)
            async with transports.run(server.mcp), running.streams.run():
                running.begin(server, gate)
                yield
                running.health.reason = "draining"

    app = Starlette(
        routes=[*transports.routes(), *running.health.routes(), *_pages(settings, running)],
        middleware=_middleware(settings, running),
        exception_handlers={HTTPException: refused},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.drain = running.drain
    app.state.active_source = lambda: running.outbound.active
    return app


def _pages(settings: Settings, running: _Running) -> Iterator[Route]:
    """What is read beside MCP and the health of the server."""
    figures = statistics_routes(
        lambda: running.statistics,
        lambda: running.live(settings.queue_max),
    )
    for route in (*breaker_routes(lambda: running.outbound.breakers), *figures):
        yield Route(route.path, operator_only(route.endpoint), methods=route.methods)
    yield from usage_routes(lambda: running.accounts.usage, lambda: running.accounts.quota)
    yield from queue_routes(lambda: running.outbound.tickets, _owner)
    yield Route(DASHBOARD, operator_only(dashboard), methods=["GET"])
    yield from page_routes(settings, running.source, PROTOCOLS, _prices(settings))
    yield from metadata_routes(settings)


def _prices(settings: Settings) -> Mapping[str, Decimal]:
    """What calls cost, where the platform told it at the start."""
    if not settings.apify.pricing:
        return {}
    from reddit_mcp.actor.event_pricing import prices_of

    return prices_of(settings.apify.pricing) or {}


def _middleware(settings: Settings, running: _Running) -> list[Middleware]:
    """What a request passes, the outermost first."""
    return [
        *([Middleware(GatewayHeaders), Middleware(ReadinessProbe)] if settings.apify.is_at_home else []),
        Middleware(RequestGuard, hosts=settings.allowed_hosts, origins=_listed(settings.cors_origins)),
        Middleware(DashboardSignIn),
        Middleware(Authentication, gate=lambda: running.gate, challenge=challenge(settings)),
        Middleware(IdleStreams, streams=running.streams),
        Middleware(QuotaHeaders, quota=lambda: running.accounts.quota),
    ]


def _owner(request: Request) -> str:
    caller: Caller = request.scope["caller"]
    return caller.id


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
