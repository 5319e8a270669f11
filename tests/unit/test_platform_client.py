"""The client of Apify's API over HTTP: answers have a largest size."""

import gzip
from collections.abc import AsyncIterator

import pytest
from apify_client.http_clients import HttpResponse
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from reddit_mcp.actor.platform_client import LARGEST_ANSWER, AnswerTooLarge, open_client
from reddit_mcp.settings import ApifyRun
from tests.running import listening

RUN = {"data": {"id": "run1", "actId": "a", "userId": "u", "startedAt": "2026-11-01T00:00:00Z", "status": "RUNNING"}}
BOMB = gzip.compress(b" " * 200_000_000)
MIB = 1024 * 1024


class Platform:
    """Answers every request the same way, and counts the bytes that it could send."""

    def __init__(self) -> None:
        self.answer: Response | None = None
        self.sent = 0

    async def flood(self) -> AsyncIterator[bytes]:
        """200 MB, if somebody reads them."""
        for _ in range(200):
            yield b" " * MIB
            self.sent += MIB

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One answer."""
        answer = self.answer or StreamingResponse(self.flood(), media_type="application/json")
        await answer(scope, receive, send)


@pytest.fixture
async def platform() -> Platform:
    return Platform()


async def ask(platform: Platform) -> HttpResponse:
    async with listening(platform) as url:
        run = ApifyRun(apify_token="t", apify_api_base_url=url)
        return await open_client(run).http_client.call(method="GET", url=f"{url}/v2/actor-runs/run1")


async def test_an_answer_is_read(platform: Platform) -> None:
    platform.answer = JSONResponse(RUN)
    answer = await ask(platform)
    assert answer.json() == RUN


async def test_a_flood_is_left(platform: Platform) -> None:
    with pytest.raises(AnswerTooLarge):
        await ask(platform)
    assert platform.sent < 4 * LARGEST_ANSWER


async def test_a_bomb_is_left(platform: Platform) -> None:
    platform.answer = Response(BOMB, headers={"content-encoding": "gzip"})
    with pytest.raises(AnswerTooLarge):
        await ask(platform)
