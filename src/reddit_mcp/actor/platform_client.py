"""The client of Apify's API, with a bound for the size of its answers."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apify_client import ApifyClientAsync
from apify_client.http_clients import HttpResponse, ImpitHttpClientAsync

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


class BoundedHttpClient(ImpitHttpClientAsync):
    """The client's usual transport; a body is counted while it is read."""

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
            AnswerTooLarge: the body does not end within LARGEST_ANSWER.
        """
        response = await super().send_request(
            method=method, url=url, headers=headers, content=content, timeout=timeout, stream=True
        )
        if stream:
            return response
        try:
            return WholeResponse(response.status_code, response.headers, await _body(response.aiter_bytes()))
        finally:
            await response.aclose()


async def _body(pieces: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise AnswerTooLarge
    return bytes(body)


def open_client(run: ApifyRun) -> ApifyClientAsync:
    """A client of the platform that repeats a request twice, soon."""
    http = BoundedHttpClient(max_retries=2, min_delay_between_retries=timedelta(milliseconds=100))
    return ApifyClientAsync.with_custom_http_client(run.token.get_secret_value(), api_url=run.api_url, http_client=http)
