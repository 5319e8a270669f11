"""An issuer that answers in this process, and who verifies its tokens."""

import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from reddit_mcp.auth.issuer_keys import IssuerKeys
from reddit_mcp.auth.oauth_tokens import OAuthTokens
from tests.support.clocks import Clock
from tests.support.oauth_issuer import AUDIENCE, FakeIssuer


class House:
    """An issuer, and who verifies its tokens."""

    def __init__(self) -> None:
        self.issuer = FakeIssuer()
        self.clock = Clock(time.time())
        self.answer: Callable[[httpx.Request], httpx.Response] | None = None
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: unread(self._respond(request))))
        self.keys = IssuerKeys(self.issuer.url, self.http, self.clock)
        self.tokens = OAuthTokens(self.issuer.url, AUDIENCE, self.keys, self.clock)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        if self.answer:
            return self.answer(request)
        status, content = self.issuer.page(request.url.path)
        return httpx.Response(status, json=content)

    @property
    def fetches(self) -> int:
        return self.issuer.asked.count("/keys")


class _Wire(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


def unread(answer: httpx.Response) -> httpx.Response:
    """As it comes off the wire; the mock's own has been read already."""
    return httpx.Response(answer.status_code, headers=answer.headers, stream=_Wire(answer.content))


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    async with house.http:
        yield house
