"""uvicorn with our protocol against connections that dribble, flood or talk nonsense."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from reddit_mcp.http import http11_protocol
from reddit_mcp.http.middleware.json_body import JsonBody, read_body
from tests.support.raw_http import HEAD, connected, everything
from tests.support.server_process import listening


async def _telling(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * http11_protocol.REQUEST_SECONDS)
    body = await read_body(receive)
    names = [name.decode() for name, _ in scope["headers"]]
    await JSONResponse({"headers": names, "body": body.decode()})(scope, receive, send)


@contextlib.asynccontextmanager
async def patient_for(seconds: float = 30.0) -> AsyncIterator[int]:
    """The port of a server that gives each request so long to arrive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http11_protocol, "REQUEST_SECONDS", seconds)
        async with listening(JsonBody(_telling), loop="asyncio", http=http11_protocol.Protocol) as url:
            yield int(url.rpartition(":")[2])


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with patient_for(0.1) as port, connected(port) as (reader, _):
        assert await everything(reader) == b""


async def test_a_head_that_dribbles_is_408() -> None:
    async with patient_for(0.5) as port, connected(port) as (reader, writer):
        writer.write(HEAD[:30])
        assert (await everything(reader)).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_dribbles_ends_with_the_connection() -> None:
    async with patient_for(0.5) as port, connected(port) as (reader, writer):
        writer.write(HEAD + b"Content-Length: 9\r\n\r\n{")
        assert await everything(reader) == b""


async def test_the_second_request_of_a_connection_has_no_longer_either() -> None:
    whole = HEAD + b"Content-Length: 2\r\n\r\n{}"
    async with patient_for(1.0) as port, connected(port) as (reader, writer):
        writer.write(whole + whole[:40])
        answers = await everything(reader)
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answers


async def test_work_may_take_longer_than_a_request_may() -> None:
    async with patient_for(1.5) as port, httpx.AsyncClient() as client:
        for _ in range(2):
            answer = await client.post(f"http://127.0.0.1:{port}/slow", json={"jsonrpc": "2.0"})
            assert answer.status_code == 200


@pytest.mark.parametrize("line", [b"X-Endless: ", b"X-1: 1\r\n"])
async def test_a_head_without_an_end_is_431(line: bytes) -> None:
    async with patient_for() as port, connected(port) as (reader, writer):
        writer.write(HEAD + line * (http11_protocol.LARGEST_HEAD // len(line) + 1))
        assert (await everything(reader)).startswith(b"HTTP/1.1 431 ")


async def test_trailers_are_no_headers() -> None:
    chunked = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\nX-API-Key: late\r\n\r\n"
    async with patient_for() as port, connected(port) as (reader, writer):
        writer.write(chunked)
        answer = await everything(reader)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["headers"] == [
        "host",
        "content-type",
        "transfer-encoding",
        "connection",
    ]


async def test_garbage_is_400_and_the_next_caller_is_served() -> None:
    async with patient_for() as port:
        for junk in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"POST /mcp HTTP/1.1\r\n: x\r\n\r\n"):
            async with connected(port) as (reader, writer):
                writer.write(junk)
                assert (await everything(reader)).startswith(b"HTTP/1.1 400 ")
        async with httpx.AsyncClient() as client:
            assert (await client.post(f"http://127.0.0.1:{port}/", json={})).json()["body"] == "{}"
