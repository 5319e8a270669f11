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
        self._connections: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        self._lock = threading.Lock()
        adapter = _Adapter(self._remember)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def abort(self) -> None:
        """End every exchange of this session now, from any thread."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            if isinstance(connection.sock, socket.socket):
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _remember(self, connection: HTTPConnection) -> None:
        with self._lock:
            self._connections.add(connection)


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
            remember(self)
            super().connect()

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            remember(self)
            super().connect()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
