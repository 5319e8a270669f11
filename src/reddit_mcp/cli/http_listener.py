"""A listening server: its socket, uvicorn's settings, and an end in order."""

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp

from reddit_mcp.errors import Unavailable
from reddit_mcp.http.http11_protocol import Protocol

DRAIN_SECONDS = 25
LAST_ANSWERS_SECONDS = 1  # for writing the answers of calls that were stopped
KEEP_ALIVE_SECONDS = 75  # above the 60 s of common load balancers, so that they never meet a closing connection


class Server(uvicorn.Server):
    """uvicorn raises a signal again after its shutdown, which would end the process before its exit code is 0.

    Args:
        app: what answers; its lifespan is entered by the caller, so that a failure to open is one clear line.
        drain: called, with the seconds that calls have left, when the server stops accepting.
        seconds: how long it waits for what is in flight.
    """

    def __init__(self, app: ASGIApp, drain: Callable[[float], None], seconds: int = DRAIN_SECONDS) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",  # uvloop gained nothing and its slowest answers took six times as long
                http=Protocol,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # TRUSTED_PROXIES alone decides whose X-Forwarded-For is believed
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=seconds,
            )
        )
        # It would cut every stream at once, in the middle of answers; `drain` ends them in order.
        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]
        self._drain = drain
        self._seconds = seconds

    def stop(self) -> None:
        """Stop as for SIGTERM."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Stop; a second SIGINT stops without waiting."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals while it serves; a SIGTERM that comes later must not cut short what is still being closed."""
        with super().capture_signals():
            yield
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is in flight."""
        self._drain(self._seconds - LAST_ANSWERS_SECONDS)
        await super().shutdown(sockets)


def bind(host: str, port: int) -> socket.socket:
    """A socket of this address that does not listen yet.

    Raises:
        Unavailable: the address is taken, or not this machine's.
    """
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
