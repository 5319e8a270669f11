"""HTTP connections whose blocking reads another thread can end.

requests' timeout is per read, so a slow drip would hold a thread for ever; shutting the socket ends it at once.
"""

import contextlib
import socket
import weakref
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
        adapter = _Adapter(self._connections)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def abort(self) -> None:
        """End every exchange of this session now, from any thread."""
        for connection in list(self._connections):
            if isinstance(connection.sock, socket.socket):
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    def __init__(self, connections: "weakref.WeakSet[HTTPConnection]") -> None:
        self._connections = connections
        super().__init__(pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._connections)


def _pools(connections: "weakref.WeakSet[HTTPConnection]") -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            connections.add(self)
            super().connect()

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            connections.add(self)
            super().connect()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
