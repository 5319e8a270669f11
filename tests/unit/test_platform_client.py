"""The client of Apify's API over HTTP: answers have a largest size."""

import asyncio
import contextlib
import gzip

import pytest
from apify_client.http_clients import HttpResponse
from starlette.responses import JSONResponse, Response

from reddit_mcp.actor.platform_client import LARGEST_ANSWER, AnswerTooLarge, open_client
from reddit_mcp.settings import ApifyRun
from tests.running import listening

RUN = {"data": {"id": "run1", "actId": "a", "userId": "u", "startedAt": "2026-11-01T00:00:00Z", "status": "RUNNING"}}
BOMB = gzip.compress(b" " * 200_000_000)
MIB = 1024 * 1024


async def ask(url: str) -> HttpResponse:
    async with open_client(ApifyRun(apify_token="t", apify_api_base_url=url)) as client:
        return await client.http_client.call(method="GET", url=f"{url}/v2/actor-runs/run1")


async def test_an_answer_is_read() -> None:
    async with listening(JSONResponse(RUN)) as url:
        assert (await ask(url)).json() == RUN


async def test_a_bomb_is_left() -> None:
    async with listening(Response(BOMB, headers={"content-encoding": "gzip"})) as url:
        with pytest.raises(AnswerTooLarge):
            await ask(url)


async def test_a_flood_is_left_and_its_connection_closed() -> None:
    sent = 0
    closed = asyncio.Event()

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while sent < 200 * MIB:
                writer.write(b" " * MIB)
                await writer.drain()
                sent += MIB
        writer.transport.abort()
        closed.set()

    async with await asyncio.start_server(flood, "127.0.0.1", 0) as server:
        with pytest.raises(AnswerTooLarge):
            await ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await closed.wait()
    assert sent < 3 * LARGEST_ANSWER
