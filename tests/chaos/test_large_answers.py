"""Upstreams that answer without end, or with a little that unpacks to gigabytes: a clear failure and little memory."""

import asyncio
import gzip

import pytest

from reddit_mcp.errors import UpstreamError
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport
from reddit_mcp.upstream.resilience.retry import RetryRules
from tests.support.large_answers import MEGABYTE, bomb, chunked, endless, packed, within
from tests.support.praw_transport import ABOUT, always, failure_of, transport
from tests.support.praw_transport import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.support.praw_transport import source as source  # noqa: PLC0414
from tests.support.reddit_shapes import t5
from tests.support.scripted_reddit import Reply, ScriptedReddit, token

ANSWERS = {
    "length": endless(f"content-length: {200 * MEGABYTE}"),
    "no length": endless("connection: close"),
    "chunks": chunked(),
    "gzip": packed(bomb(4), "gzip"),
    "deflate": packed(bomb(4, 15), "deflate"),
    "twice": packed(gzip.compress(bomb(1)), "gzip, gzip"),
    "br": packed(bomb(1), "br"),
    "zstd": packed(bomb(1), "zstd"),
    "a redirect": endless("connection: close", "location: /r/pots/about", status="301 Moved"),
    "a redirect, packed": Reply(301, bomb(4), {"content-encoding": "gzip", "location": "/r/pots/about"}),
    "not found": Reply(404, bomb(4), {"content-encoding": "gzip"}),
    "deep": Reply(body=b"[" * (15 * MEGABYTE)),
    "deep objects": Reply(body=b'{"a":' * (3 * MEGABYTE)),
    "many headers": endless(*(f"x-{number}: y" for number in range(5000)), "connection: close", megabytes=0),
    "a long header": endless("x: " + "y" * MEGABYTE, "connection: close", megabytes=0),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_reddit(reddit: ScriptedReddit, source: PrawTransport, name: str) -> None:
    await source.fetch(ABOUT)
    reddit.answer = always(ANSWERS[name])
    with within():
        failure = await failure_of(source)
    assert type(failure) is UpstreamError
    assert failure.fault
    assert len(reddit.requests) == 2
    reddit.answer = always(Reply(body=t5()))
    assert (await source.fetch(ABOUT)).value.name == "kettles"


@pytest.mark.parametrize("name", ["length", "no length", "chunks", "gzip", "deep"])
async def test_the_token_endpoint(reddit: ScriptedReddit, source: PrawTransport, name: str) -> None:
    reddit.token = always(ANSWERS[name])
    with within():
        failure = await failure_of(source)
    assert type(failure) is UpstreamError
    assert len(reddit.requests) == 0
    reddit.token = token
    assert (await source.fetch(ABOUT)).value.name == "kettles"


@pytest.mark.parametrize("name", ["no length", "gzip"])
async def test_eight_at_once(reddit: ScriptedReddit, name: str) -> None:
    async with transport(reddit.url, threads=8) as source:
        await asyncio.gather(*(source.fetch(ABOUT) for _ in range(8)))
        reddit.answer = always(ANSWERS[name])
        with within():
            failures = await asyncio.gather(*(source.fetch(ABOUT) for _ in range(24)), return_exceptions=True)
    assert {type(failure) for failure in failures} == {UpstreamError}


async def test_the_connection_is_closed(reddit: ScriptedReddit, source: PrawTransport) -> None:
    """What is left of it must not become the next answer."""
    reddit.answer = always(ANSWERS["gzip"], Reply(body=t5("pots")))
    await failure_of(source)
    assert (await source.fetch(ABOUT)).value.name == "pots"


@pytest.mark.parametrize("status", [101, 102, 103, 199])
async def test_an_announcement_is_not_the_answer_to_the_next_question(
    reddit: ScriptedReddit, source: PrawTransport, status: int
) -> None:
    body = b'{"kind": "t5", "data": {"display_name": "stray"}}'
    answer = f"HTTP/1.1 {status} X\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    reddit.answer = always(Reply(raw=lambda _closing: iter([answer])), Reply(body=t5("pots")))
    assert isinstance(await failure_of(source), UpstreamError)
    assert (await source.fetch(ABOUT)).value.name == "pots"


async def test_cookies_are_not_kept(reddit: ScriptedReddit, source: PrawTransport) -> None:
    reddit.answer = always(Reply(body=t5(), headers={"set-cookie": "loid=1234; Path=/"}))
    for _ in range(3):
        await source.fetch(ABOUT)
    assert all("cookie" not in request.headers for request in reddit.requests)


async def test_it_is_a_fault_and_not_asked_for_again(reddit: ScriptedReddit, source: PrawTransport) -> None:
    reddit.answer = always(ANSWERS["gzip"])
    failure = await failure_of(source)
    assert failure.data == {"upstream_service": "reddit"}
    assert RetryRules().wait(failure, 1) is None
