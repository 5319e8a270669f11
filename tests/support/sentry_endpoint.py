"""Something that takes what Sentry's clients send, on loopback."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import brotli

Json = dict[str, Any]


UNPACKED: dict[str, Callable[[bytes], bytes]] = {"br": brotli.decompress, "gzip": gzip.decompress}


class SentryEndpoint:
    """Items of envelopes, https://develop.sentry.dev/sdk/data-model/envelopes/, by their type."""

    def __init__(self) -> None:
        self.items: list[tuple[str, Json]] = []
        self.dsn = ""

    @property
    def events(self) -> list[Json]:
        """The errors."""
        return [item for kind, item in self.items if kind == "event"]

    def take(self, body: bytes) -> None:
        """Read an envelope."""
        lines = body.split(b"\n")[1:]
        for head, item in zip(lines[::2], lines[1::2], strict=False):
            self.items.append((json.loads(head)["type"], json.loads(item)))


@contextmanager
def sentry() -> Iterator[SentryEndpoint]:
    endpoint = SentryEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            endpoint.take(UNPACKED[self.headers["content-encoding"]](body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    endpoint.dsn = f"http://key@127.0.0.1:{server.server_port}/1"
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
