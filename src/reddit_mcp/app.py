"""The composition root: everything is opened here, in order, and closed in the opposite order."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.archive.home import archive_path
from reddit_mcp.archive.server import serving
from reddit_mcp.archive.sqlite import SqliteStore
from reddit_mcp.reddit.cache import Cache
from reddit_mcp.reddit.client import Reddit
from reddit_mcp.reddit.praw import Application, Praw
from reddit_mcp.server.envelope import Envelope
from reddit_mcp.server.front import StreamableHttp
from reddit_mcp.server.health import Health, Ping
from reddit_mcp.server.mcp import RedditServer
from reddit_mcp.settings import Settings
from reddit_mcp.storage.open import open_store
from reddit_mcp.storage.watches import Watches
from reddit_mcp.tools import Services


@dataclass(frozen=True, slots=True)
class Opened:
    """What runs while the application is open."""

    mcp: RedditServer
    pings: dict[str, Ping]


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Opened]:
    """Open the store, Reddit (or the archive in its place) and the MCP server over both."""
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings))
        application = await stack.enter_async_context(_application(settings))
        praw = Praw(application)
        stack.push_async_callback(praw.aclose)
        services = Services(
            reddit=Reddit(Cache(praw)),
            watches=Watches(store),
            sentiment=SentimentAnalyzer(),
            reddit_remaining=lambda: praw.budget.remaining,
            source="archive" if settings.archive_mode else "reddit",
        )
        development = settings.environment == "development"
        mcp = RedditServer(services, deadline=settings.call_timeout, development=development)
        yield Opened(mcp, {"redis": store.ping})


@contextlib.asynccontextmanager
async def _application(settings: Settings) -> AsyncIterator[Application]:
    """The Reddit application of the settings, or an archive on loopback that looks like Reddit."""
    if not settings.archive_mode:
        yield reddit_application(settings)
        return
    with serving(SqliteStore(archive_path(settings))) as url:
        yield Application("archive", "archive", settings.reddit_user_agent, url, url, settings.reddit_timeout)


def reddit_application(settings: Settings) -> Application:
    """The operator's own Reddit application."""
    secret = settings.reddit_client_secret
    return Application(
        client_id=settings.reddit_client_id or "",
        client_secret=secret.get_secret_value() if secret else "",
        user_agent=settings.reddit_user_agent,
        oauth_url=settings.reddit_oauth_url,
        reddit_url=settings.reddit_url,
        timeout=settings.reddit_timeout,
    )


class _Transports:
    """The MCP endpoints; they answer 503 until the application is open."""

    def __init__(self) -> None:
        self.http: StreamableHttp | None = None
        self.sse: Starlette | None = None

    @contextlib.asynccontextmanager
    async def run(self, mcp: RedditServer) -> AsyncIterator[None]:
        self.http, self.sse = StreamableHttp(mcp.lowlevel), mcp.legacy_sse()
        async with self.http.run():
            yield

    async def streamable(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.http is None:
            raise HTTPException(503, "The server is starting.")
        await self.http(scope, receive, send)

    async def legacy(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.sse is None:
            raise HTTPException(503, "The server is starting.")
        await self.sse(scope, receive, send)


def build(settings: Settings) -> Starlette:
    """The whole server as one ASGI app; its lifespan opens and closes everything."""
    health, transports = Health(), _Transports()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with opened(settings) as server, transports.run(server.mcp):
            health.pings, health.reason = server.pings, ""
            yield
            health.reason = "draining"

    app = Starlette(
        routes=[
            *(Route(path, _Endpoint(transports.streamable)) for path in ("/mcp", "/mcp/")),
            Route("/sse", _Endpoint(transports.legacy)),
            Route("/messages/", _Endpoint(transports.legacy)),
            *health.routes(),
        ],
        middleware=[
            Middleware(Envelope, hosts=_listed(settings.mcp_allowed_hosts), origins=_listed(settings.cors_origins))
        ],
        exception_handlers={HTTPException: _refused},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _Endpoint:
    """An ASGI app as a route's endpoint: Starlette would wrap a bound method as a request handler."""

    def __init__(self, app: object) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)  # type: ignore[operator]


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    """A plain HTTP refusal, readable for people and programs."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "Internal error"
    return JSONResponse({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": detail}}, status)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
