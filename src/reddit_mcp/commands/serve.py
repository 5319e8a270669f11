"""`serve`: the server over HTTP or stdio."""

import asyncio
import json
import signal
import socket
import sys
from types import FrameType

import uvicorn

from reddit_mcp.app import build, opened
from reddit_mcp.errors import Unavailable
from reddit_mcp.observability import logs
from reddit_mcp.server.protocol import Protocol
from reddit_mcp.settings import Settings

DRAIN_SECONDS = 25
KEEP_ALIVE_SECONDS = 75  # above the 60 s of common load balancers, so that they never meet a closing connection


def serve_http(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight.

    Raises:
        Failure: the address is taken, or something that the server needs cannot be opened.
    """
    logs.configure(settings.log_level, file=settings.log_file)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    listener = _bind(settings.mcp_server_host, settings.mcp_server_port)
    app = build(settings)
    config = uvicorn.Config(
        app,
        loop="asyncio",  # uvloop gained nothing and its slowest answers took six times as long
        http=Protocol,
        lifespan="off",  # entered here, so that a failure to open is one clear line
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES alone decides whose X-Forwarded-For is believed
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    async with app.router.lifespan_context(app):
        _announce(f"http://{settings.mcp_server_host}:{listener.getsockname()[1]}/mcp", settings)
        await _Server(config).serve(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn raises the signal again after its shutdown, which would end the process before its exit code is 0."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # with its protocol named, asyncio sets TCP_NODELAY on each connection; without, small answers wait 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(f"Cannot listen on {host}:{port}: {error.strerror}; choose another with --port.") from error
    return listener


def _announce(url: str, settings: Settings) -> None:
    """Say where the server is, and what to paste into a client."""
    source = "an archive (no Reddit credentials are set)" if settings.archive_mode else "Reddit"
    config = json.dumps({"mcpServers": {"reddit": {"type": "http", "url": url}}}, indent=2)
    sys.stdout.write(f"reddit-mcp answers from {source} at {url}\nPaste this into your MCP client:\n{config}\n")
    sys.stdout.flush()


def serve_stdio(settings: Settings) -> None:
    """Serve one client over standard input and output until it closes them.

    Raises:
        Failure: something that the server needs cannot be opened.
    """
    logs.configure(settings.log_level, sys.stderr, settings.log_file)
    asyncio.run(_stdio(settings))


async def _stdio(settings: Settings) -> None:
    async with opened(settings) as server:
        await server.mcp.run_stdio_async()
