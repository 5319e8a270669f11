"""The client of Apify's API, with a bound for the size of its answers."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from apify_client import ApifyClientAsync
from apify_client.http_clients import HttpClientAsync, HttpResponse

from reddit_mcp.settings import ApifyRun

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of an unpacked body."""


class AnswerTooLarge(Exception):
    """The body does not end within LARGEST_ANSWER; its connection is closed."""


@dataclass(frozen=True, slots=True)
class WholeResponse:
    """An answer that was read to its end, in the form that the client wants (`HttpResponse`)."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)

    def read(self) -> bytes:
        """The body."""
        return self.content

    async def aread(self) -> bytes:
        """The body."""
        return self.content

    def close(self) -> None:
        """Nothing: it is read."""

    async def aclose(self) -> None:
        """Nothing: it is read."""

    def iter_bytes(self) -> Iterator[bytes]:
        """The body in one piece."""
        yield self.content

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body in one piece."""
        yield self.content


class BoundedHttpClient(HttpClientAsync):
    """The client's transport on httpx; nothing comes packed, and a body is counted while it is read."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._http = httpx.AsyncClient()

    def is_timeout_error(self, exc: Exception) -> bool:
        """Whether nothing came in time."""
        return super().is_timeout_error(exc) or isinstance(exc, httpx.TimeoutException)

    def is_retryable_transport_error(self, exc: Exception) -> bool:
        """Whether the connection failed, so that another may not."""
        return isinstance(exc, httpx.TransportError)

    async def send_request(
        self,
        *,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes | AsyncIterator[bytes] | None,
        timeout: float | None,  # noqa: ASYNC109 - the base class's name
        stream: bool,
    ) -> HttpResponse:
        """As the base class.

        Raises:
            AnswerTooLarge: the body does not end within LARGEST_ANSWER, or is packed.
        """
        plain = {**headers, "accept-encoding": "identity"}
        request = self._http.build_request(method, url, headers=plain, content=content, timeout=timeout)
        response = await self._http.send(request, stream=True)
        if stream:
            return response
        try:
            return WholeResponse(response.status_code, response.headers, await _body(response))
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


async def _body(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise AnswerTooLarge  # it may become so, and nobody asked for it
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise AnswerTooLarge
    return bytes(body)


@contextlib.asynccontextmanager
async def open_client(run: ApifyRun) -> AsyncIterator[ApifyClientAsync]:
    """A client of the platform that repeats a request twice, soon."""
    http = BoundedHttpClient(max_retries=2, min_delay_between_retries=timedelta(milliseconds=100))
    try:
        yield ApifyClientAsync.with_custom_http_client(
            run.token.get_secret_value(), api_url=run.api_url, http_client=http
        )
    finally:
        await http.aclose()
