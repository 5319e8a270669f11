"""The MCP endpoints; they answer 503 until the application is open."""

import contextlib
from collections.abc import AsyncIterator, Callable

from mcp.types.version import SUPPORTED_PROTOCOL_VERSIONS
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from reddit_mcp.http.middleware.json_body import JsonBody, LargeBodies
from reddit_mcp.mcp_server.direct_calls import DirectCalls
from reddit_mcp.mcp_server.server import RedditServer
from reddit_mcp.mcp_server.streamable_http import StreamableHttp

PROTOCOLS = tuple(SUPPORTED_PROTOCOL_VERSIONS)
"""The revisions of MCP that are spoken at `/mcp`."""


class Transports:
    """Streamable HTTP at `/mcp` and the legacy SSE transport at `/sse`.

    Args:
        sessions: whether clients of the 2025 protocol get sessions on Streamable HTTP.
    """

    def __init__(self, *, sessions: bool) -> None:
        self._sessions = sessions
        self._large = LargeBodies()
        self._http: StreamableHttp | None = None
        self._sse: Starlette | None = None

    def routes(self) -> list[Route]:
        """The routes of both; `/mcp` and `/mcp/` are one, without a redirect that would lose the body."""
        http, sse = _OnceOpen(lambda: self._http), _OnceOpen(lambda: self._sse)
        return [
            Route("/mcp", http),
            Route("/mcp/", http),
            Route("/sse", sse),
            Route("/messages/", JsonBody(sse, self._large)),
        ]

    @contextlib.asynccontextmanager
    async def run(self, mcp: RedditServer) -> AsyncIterator[None]:
        """Serve while the context is open."""
        self._http = StreamableHttp(
            mcp.lowlevel, DirectCalls(mcp), sessions=self._sessions, large=self._large, side=mcp.side
        )
        self._sse = mcp.legacy_sse()
        async with self._http.run():
            yield


class _OnceOpen:
    """An ASGI app that is known later (an object, because Starlette would take a function for a request handler)."""

    def __init__(self, app: Callable[[], ASGIApp | None]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app()
        if app is None:
            raise HTTPException(503, "The server is starting.")
        await app(scope, receive, send)
