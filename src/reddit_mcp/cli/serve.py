"""`serve`: the server over HTTP or stdio."""

import asyncio
import json
import sys

from reddit_mcp.app import build
from reddit_mcp.cli.http_listener import Server, bind
from reddit_mcp.container import open_container
from reddit_mcp.observability import error_reports, logs, tracing
from reddit_mcp.settings import Settings
from reddit_mcp.upstream.source import SourceName
from reddit_mcp.upstream.source_switch import ActiveSource


def serve_http(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight.

    Raises:
        Failure: the address is taken, or something that the server needs cannot be opened.
    """
    logs.configure(settings.log.level, file=settings.log.file)
    error_reports.configure(settings)
    tracing.configure(settings)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    listener = bind(settings.mcp_server_host, settings.mcp_server_port)
    app = build(settings)
    async with app.router.lifespan_context(app):
        listener.listen()  # now: a client that reads the announcement must not be refused
        _announce(f"http://{settings.mcp_server_host}:{listener.getsockname()[1]}/mcp", app.state.active_source())
        await Server(app, app.state.drain).serve(sockets=[listener])


SOURCES: dict[SourceName, str] = {
    "reddit": "Reddit",
    "arctic_shift": "Arctic Shift, a public archive of Reddit",
    "archive": "an imported archive",
    "sample": "a bundled sample of invented data",
}


def _announce(url: str, active: ActiveSource) -> None:
    """Say where the server is, who answers, and what to paste into a client."""
    source = f"{SOURCES[active.name]} ({active.why})"
    config = json.dumps({"mcpServers": {"reddit": {"type": "http", "url": url}}}, indent=2)
    sys.stdout.write(f"mcp-for-reddit answers from {source} at {url}\nPaste this into your MCP client:\n{config}\n")
    sys.stdout.flush()


def serve_stdio(settings: Settings) -> None:
    """Serve one client over standard input and output until it closes them.

    Raises:
        Failure: something that the server needs cannot be opened.
    """
    logs.configure(settings.log.level, sys.stderr, settings.log.file)
    error_reports.configure(settings)
    tracing.configure(settings)
    asyncio.run(_stdio(settings))


async def _stdio(settings: Settings) -> None:
    async with open_container(settings) as server:
        await server.mcp.run_stdio_async()
