"""HTTP/1.1 on a connection, with a limit for heads and for the patience that a request may ask for.

uvicorn's own protocol waits for ever for the rest of a request, and its parser keeps every header until the last.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 65_536
REQUEST_SECONDS = 20.0
"""From the first byte of a request, or the start of a connection, to the last byte."""


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, closing connections that ask for too much."""

    _deadline: asyncio.TimerHandle | None = None
    _begun = False
    _in_head = True
    _head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a first request."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that does not end."""
        self._head_size += len(data)
        super().data_received(data)
        if self._in_head and self._head_size > LARGEST_HEAD and not self.transport.is_closing():
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._begun = True
        self._expect()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, and drop the trailers of a chunked body: nobody reads them, and they have no limit."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request's last byte."""
        self._begun, self._in_head, self._head_size = False, True, 0
        self._stop_waiting()
        super().on_message_complete()

    def _expect(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if self._begun and self._in_head:
            self._refuse(b"408 Request Timeout")
        else:  # nothing was asked, or the application has the word
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.transport.close()
