"""`serve`: the server over HTTP or stdio."""

import asyncio
import json
import sys

from reddit_mcp.app import build
from reddit_mcp.cli.http_listener import Server, bind
from reddit_mcp.container import open_container
from reddit_mcp.observability import logs
from reddit_mcp.settings import Settings


def serve_http(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight.

    Raises:
        Failure: the address is taken, or something that the server needs cannot be opened.
    """
    logs.configure(settings.log.level, file=settings.log.file)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    listener = bind(settings.mcp_server_host, settings.mcp_server_port)
    app = build(settings)
    async with app.router.lifespan_context(app):
        listener.listen()  # now: a client that reads the announcement must not be refused
        _announce(f"http://{settings.mcp_server_host}:{listener.getsockname()[1]}/mcp", settings)
        await Server(app, app.state.drain).serve(sockets=[listener])


SOURCES = {
    "reddit": "Reddit",
    "arctic_shift": "Arctic Shift, a public archive of Reddit",
    "archive": "an archive (no Reddit credentials are set)",
}


def _announce(url: str, settings: Settings) -> None:
    """Say where the server is, and what to paste into a client."""
    source = SOURCES[settings.source]
    config = json.dumps({"mcpServers": {"reddit": {"type": "http", "url": url}}}, indent=2)
    sys.stdout.write(f"mcp-for-reddit answers from {source} at {url}\nPaste this into your MCP client:\n{config}\n")
    sys.stdout.flush()


def serve_stdio(settings: Settings) -> None:
    """Serve one client over standard input and output until it closes them.

    Raises:
        Failure: something that the server needs cannot be opened.
    """
    logs.configure(settings.log.level, sys.stderr, settings.log.file)
    asyncio.run(_stdio(settings))


async def _stdio(settings: Settings) -> None:
    async with open_container(settings) as server:
        await server.mcp.run_stdio_async()
