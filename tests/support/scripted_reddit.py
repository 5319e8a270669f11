"""A server on loopback that answers as a test tells it to, in the place of Reddit."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

TOKEN_PATH = "/api/v1/access_token"


@dataclass(frozen=True)
class Request:
    """What arrived."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What goes back; `raw` writes to the connection itself and never sends anything else."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: Callable[[threading.Event], Iterator[bytes]] | None = None

    @property
    def content(self) -> bytes:
        """The body's bytes; anything that is not bytes already becomes JSON."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Answering = Callable[[Request], Reply]


def token(number: int) -> Reply:
    """What Reddit hands out."""
    return Reply(body={"access_token": f"token-{number}", "token_type": "bearer", "expires_in": 3600, "scope": "*"})


class ScriptedReddit:
    """The server and its script.

    Attributes:
        url: where it is.
        closing: set at the end; a hanging answer waits for it.
        requests: what was asked, without the requests for tokens.
        tokens: how many tokens were asked for.
        busy, busiest: requests being answered now, and at most at once.
    """

    def __init__(self) -> None:
        self.closing = threading.Event()
        self.arrived = threading.Semaphore(0)
        self.requests: list[Request] = []
        self.sign_ins: list[Request] = []
        self.busy = self.busiest = 0
        self._lock = threading.Lock()
        self.answer: Answering = lambda _request: Reply(body={})
        self.token: Callable[[int], Reply] = token
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def tokens(self) -> int:
        """How many tokens were asked for."""
        return len(self.sign_ins)

    def reply(self, request: Request) -> Reply:
        """The script's answer to a request."""
        if request.path == TOKEN_PATH:
            self.sign_ins.append(request)
            return self.token(self.tokens)
        with self._lock:
            self.requests.append(request)
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
        self.arrived.release()
        try:
            return self.answer(request)
        finally:
            with self._lock:
                self.busy -= 1

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve until the context ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            self.closing.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who hangs up in the middle is part of the tests."""


def _handler(reddit: ScriptedReddit) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Nothing."""

        def _answer(self) -> None:
            form = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            url = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            pairs = dict(parse_qsl(url.query, keep_blank_values=True))
            fields = dict(parse_qsl(form, keep_blank_values=True))
            self._send(reddit.reply(Request(self.command, url.path, pairs, fields, headers)))

        do_GET = do_POST = _answer  # noqa: N815 - the names the base class calls

        def _send(self, reply: Reply) -> None:
            if reply.raw:
                self.close_connection = True
                for part in reply.raw(reddit.closing):
                    self.wfile.write(part)
                    self.wfile.flush()
                return
            self.send_response_only(reply.status)
            headers = {"content-type": "application/json", "content-length": str(len(reply.content)), **reply.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            if self.close_connection:  # prawcore asks for it with its requests for tokens
                self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(reply.content)

    return Handler


@pytest.fixture
def reddit() -> Iterator[ScriptedReddit]:
    server = ScriptedReddit()
    with server.running():
        yield server
