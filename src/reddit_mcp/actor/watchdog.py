"""Ends a server that no longer serves: the platform asks once, at the start, and never again whether it does.

A thread of its own asks over a real connection, so that a stalled event loop and a lost listener both show.
"""

import asyncio
import contextlib
import http.client
import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from reddit_mcp.observability.logs import logger

EVERY_SECONDS = 5.0
PATIENCE_SECONDS = 5.0
"""How often it asks, and how long an answer may take."""

MOST_FAILURES = 3
END_SECONDS = 30.0
"""How long an end in order may take; longer than the drain."""

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a server of all addresses is asked
PROBE = {"x-apify-container-server-readiness-probe": "1"}


class Watchdog:
    """Watches while the context is open; a server that does not end in order is ended without.

    Attributes:
        bitten: whether it had to end the server.

    Args:
        address: host and port that the server listens on.
        loop: the server's.
        stop: ends the server in order; called in the event loop.
    """

    def __init__(self, address: tuple[str, int], loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
        self.bitten = False
        host, self._port = address[:2]
        self._host = LOOPBACK.get(host, host)
        self._loop = loop
        self._stop = stop
        self._called_off = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._log = logger(__name__)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._called_off.set()

    def _watch(self) -> None:
        failures = 0
        while failures < MOST_FAILURES:
            if self._called_off.wait(EVERY_SECONDS):
                return
            failures = 0 if self._is_answered() else failures + 1
        self.bitten = True
        self._log.critical("server_does_not_answer", failures=failures)
        if not (self._is_stopping() and self._called_off.wait(END_SECONDS)):
            os._exit(1)

    def _is_stopping(self) -> bool:
        """Stop the server; False when its event loop does not turn any more."""
        heard = threading.Event()

        def stop() -> None:
            self._stop()
            heard.set()

        self._loop.call_soon_threadsafe(stop)
        return heard.wait(PATIENCE_SECONDS)

    def _is_answered(self) -> bool:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/", headers=PROBE)
                return connection.getresponse().status == http.client.OK
            except (OSError, http.client.HTTPException):
                return False
