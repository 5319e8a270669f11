"""The API on a port of its own: a uvicorn server in a thread with its own event loop."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from reddit_mcp.archive.archive_store import Store
from reddit_mcp.archive.http_api.fault_injection import FaultInjection
from reddit_mcp.archive.http_api.reddit_api_app import create_app

_BACKLOG = 128
_GRACE = 5  # seconds that requests in flight get at the end


@contextmanager
def serving(store: Store, host: str = "127.0.0.1", port: int = 0, *, ill: bool = False) -> Iterator[str]:
    """Serve a store while the body runs; its value is the base URL. Port 0 is any free port.

    With `ill` it can be told to misbehave, for tests: see `illness`.

    Raises:
        OSError: the address cannot be had.
    """
    listener = _listen(host, port)
    app = create_app(store)
    try:
        with _running(FaultInjection(app) if ill else app, listener):
            yield f"http://{_authority(host, listener.getsockname()[1])}"
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    def serve_on(self, listener: socket.socket) -> None:
        try:
            self.run(sockets=[listener])
        finally:
            self.settled.set()


@contextmanager
def _running(app: ASGIApp, listener: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.serve_on, args=(listener,), name="archive-server", daemon=True)
    thread.start()
    try:
        server.settled.wait()
        yield
    finally:
        server.should_exit = True
        thread.join()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    # asyncio sets this only on sockets that name their protocol; without it every answer waits 40 ms for an ACK
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
