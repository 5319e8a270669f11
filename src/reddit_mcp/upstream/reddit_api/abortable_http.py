"""HTTP connections whose blocking reads another thread can end, and whose answers have a largest size.

requests' timeout is per read, so a slow drip would hold a thread for ever; shutting the socket ends it at once. And it
reads an answer whole before anybody can look at it, that of a redirect too.
"""

import contextlib
import socket
import threading
import weakref
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any

from requests import ConnectionError as Broken
from requests import ReadTimeout, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError

from reddit_mcp.bounded_body import ACCEPTED, PART, Body

_ONE_LARGE = threading.Semaphore(1)
"""Large answers are read one at a time: as many as there are threads would take that many times their memory."""

_FIRST_FINAL = 200
"""Statuses below this one announce another answer (RFC 9110, 15.2); http.client takes most of them for the answer."""


class AbortableSession(Session):
    """A requests session with one more verb: `abort`."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # neither ~/.netrc nor a proxy variable may redirect the application's credentials
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # they would pile up, and say who asks what
        self.headers["Accept-Encoding"] = ACCEPTED
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

    def request(self, *args: Any, **kwargs: Any) -> Response:
        """As requests does, but the answer is read within bounds; one that goes beyond them costs its connection.

        Raises:
            TooLarge: it has too many bytes.
            Unreadable: it is packed in a way that was not asked for.
            RequestException: as ever.
        """
        response: Response = super().request(*args, **{**kwargs, "stream": True})
        try:
            response._content = _body(response)  # noqa: SLF001 - where requests keeps it
        except BaseException:
            response.close()
            raise
        if response.status_code < _FIRST_FINAL:
            self.close()  # the next answer on this connection would be this request's own
        return response

    def get_redirect_target(self, resp: Response) -> str | None:  # noqa: ARG002
        """None: requests would read the whole body to prepare what nobody follows."""
        return None

    def _remember(self, connection: HTTPConnection) -> None:
        if isinstance(connection.sock, socket.socket):
            with self._lock:
                self._sockets.add(connection.sock)


def _body(response: Response) -> bytes:
    try:
        with contextlib.ExitStack() as stack:
            body = Body(response.headers, when_large=lambda: stack.enter_context(_ONE_LARGE))
            for part in response.raw.stream(PART, decode_content=False):
                body.feed(part)
            return body.content
    except ReadTimeoutError as error:
        raise ReadTimeout(error) from error
    except (HTTPError, OSError) as error:
        raise Broken(error) from error


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
