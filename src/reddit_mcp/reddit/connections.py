"""HTTP connections whose blocking reads another thread can end.

requests' timeout is per read, so a slow drip would hold a thread for ever; shutting the socket ends it at once.
"""

import contextlib
import socket
import threading
import weakref
from collections.abc import Callable
from typing import Any

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class AbortableSession(Session):
    """A requests session with one more verb: `abort`."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # neither ~/.netrc nor a proxy variable may redirect the application's credentials
        # Sockets, not connections: a connection lets go of its socket while the last answer on it is still read.
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        adapter = _Adapter(self._remember)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

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
