"""The client of the platform's API, over a transport that reads answers within bounds.

The client's own transport reads and unpacks an answer whole, and follows redirects with the run's token.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
from apify_client import ApifyClientAsync
from apify_client.http_clients import HttpClientAsync

from reddit_mcp.bounded_body import ACCEPTED, Body
from reddit_mcp.settings import ApifyRun

LARGEST_ANSWER = 262_144
"""Bytes: a run's description has some ten thousand, and many charges are answered at once."""


@contextlib.asynccontextmanager
async def open_client(run: ApifyRun) -> AsyncIterator[ApifyClientAsync]:
    """A client of the platform that repeats a request twice, soon; its connections are closed in the end."""
    options = {"max_retries": 2, "min_delay_between_retries": timedelta(milliseconds=100)}
    async with BoundedHttp(**options) as http:
        yield ApifyClientAsync.with_custom_http_client(
            token=run.token.get_secret_value(), api_url=run.api_url, http_client=http
        )


class BoundedHttp(HttpClientAsync):
    """httpx below the client's own retries; the deadline covers the whole answer, however slowly it comes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._http = httpx.AsyncClient(follow_redirects=False, headers={"accept-encoding": ACCEPTED})

    def is_timeout_error(self, exc: Exception) -> bool:
        """Whether it took too long."""
        return super().is_timeout_error(exc) or isinstance(exc, httpx.TimeoutException)

    def is_retryable_transport_error(self, exc: Exception) -> bool:
        """Whether another attempt may fare better."""
        return isinstance(exc, (httpx.TransportError, TimeoutError))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send_request(
        self,
        *,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes | AsyncIterator[bytes] | None,
        timeout: float | None,  # noqa: ASYNC109 - the base class's name
        stream: bool,  # noqa: ARG002 - nothing here is large enough to stream
    ) -> httpx.Response:
        """Send one request and read its answer.

        Raises:
            TooLarge: it has too many bytes.
            Unreadable: it is packed in a way that was not asked for.
            httpx.TransportError: the platform cannot be reached.
            TimeoutError: it took too long.
        """
        request = self._http.build_request(method, url, headers=headers, content=content, timeout=timeout)
        async with asyncio.timeout(timeout), contextlib.aclosing(await self._http.send(request, stream=True)) as answer:
            body = Body(answer.headers, LARGEST_ANSWER)
            async for part in answer.aiter_raw():
                body.feed(part)
        plain = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
        return httpx.Response(answer.status_code, headers=plain, content=body.content, request=request)
