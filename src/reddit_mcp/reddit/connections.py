"""HTTP connections whose blocking reads another thread can end, and whose answers have a largest size.

requests' timeout is per read, so a slow drip would hold a thread for ever; shutting the socket ends it at once.
"""

import contextlib
import socket
import threading
import weakref
from collections.abc import Callable
from typing import Any

from requests import RequestException, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of a body, packed or unpacked."""

PIECE = 65_536


class AnswerTooLarge(RequestException):
    """The body is larger than LARGEST_ANSWER; its connection is closed."""

    def __init__(self, status: int) -> None:
        super().__init__(f"larger than {LARGEST_ANSWER} bytes")
        self.status = status


class AbortableSession(Session):
    """A requests session with one more verb, `abort`; bodies are read with their size in view."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # neither ~/.netrc nor a proxy variable may redirect the application's credentials
        # Sockets, not connections: a connection lets go of its socket while the last answer on it is still read.
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        adapter = _Adapter(self._remember)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def request(self, *args: Any, **kwargs: Any) -> Response:
        """As requests' own.

        Raises:
            AnswerTooLarge: the body does not end within LARGEST_ANSWER.
        """
        response = super().request(*args, **{**kwargs, "stream": True})
        response._content = _body(response)  # noqa: SLF001 - where requests itself keeps what it has read
        return response

    def abort(self) -> None:
        """End every exchange of this session now, from any thread."""
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)  # TLS' own would pull its state from under the reader

    def _remember(self, connection: HTTPConnection) -> None:
        if isinstance(connection.sock, socket.socket):
            with self._lock:
                self._sockets.add(connection.sock)


def _body(response: Response) -> bytes:
    """The unpacked body; urllib3 unpacks no more than a piece at a time, however small the packed bytes are."""
    body = bytearray()
    for piece in response.iter_content(PIECE):
        body += piece
        if max(len(body), response.raw.tell()) > LARGEST_ANSWER:
            response.close()
            raise AnswerTooLarge(response.status_code)
    return bytes(body)


Remember = Callable[[HTTPConnection], None]


class _Adapter(HTTPAdapter):
    def __init__(self, remember: Remember) -> None:
        self._remember = remember
        super().__init__(pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._remember)


def _pools(remember: Remember) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            remember(self)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            remember(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
