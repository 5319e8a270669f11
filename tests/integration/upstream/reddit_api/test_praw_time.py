"""PRAW as the transport in time: slow answers, callers who leave, places that are freed."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from reddit_mcp.errors import DeadlineExceeded
from reddit_mcp.upstream.reddit_api.abortable_http import AbortableSession
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport
from tests.support.patience import PATIENCE_SECONDS
from tests.support.praw_transport import ABOUT, PATIENCE, always, failure_of, transport
from tests.support.praw_transport import hasty as hasty  # noqa: PLC0414 - fixtures
from tests.support.praw_transport import reddit as reddit  # noqa: PLC0414
from tests.support.praw_transport import source as source  # noqa: PLC0414
from tests.support.reddit_shapes import t5
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit, token


def hang(_request: Request) -> Reply:
    def silence(closing: threading.Event) -> Iterator[bytes]:
        closing.wait()
        yield b""

    return Reply(raw=silence)


def drip(start: bytes, byte: bytes) -> Any:
    def drops(closing: threading.Event) -> Iterator[bytes]:
        yield start
        while not closing.wait(0.02):
            yield byte

    return always(Reply(raw=drops))


@pytest.mark.parametrize(
    "answer",
    [
        hang,
        drip(b"HTTP/1.1 200 OK\r\nx-slow: ", b"x"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        drip(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", b"{"),
        drip(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["hang", "headers", "body", "sized body", "chunks"],
)
async def test_a_slow_answer_ends_in_time_and_frees_its_thread(
    reddit: ScriptedReddit, hasty: PrawTransport, answer: Any
) -> None:
    reddit.answer = answer
    started = time.monotonic()
    failure = await failure_of(hasty)
    assert isinstance(failure, DeadlineExceeded)
    assert failure.data == {"operation": "reddit request", "timeout": PATIENCE, "upstream_service": "reddit"}
    assert time.monotonic() - started > 0.9 * PATIENCE
    reddit.answer = always(Reply(body=t5()))
    assert (await hasty.fetch(ABOUT)).value.name == "kettles"


async def test_a_slow_token_endpoint_ends_in_time(reddit: ScriptedReddit, hasty: PrawTransport) -> None:
    reddit.token = drip(b"HTTP/1.1 200 OK\r\nx-slow: ", b"x")
    assert isinstance(await failure_of(hasty), DeadlineExceeded)
    reddit.token = token
    assert (await hasty.fetch(ABOUT)).value.name == "kettles"


async def arrival(reddit: ScriptedReddit) -> None:
    """Wait until a request is there."""
    assert await asyncio.to_thread(reddit.arrived.acquire, timeout=PATIENCE_SECONDS)


async def test_a_cancelled_caller_frees_the_place(reddit: ScriptedReddit) -> None:
    async with transport(reddit.url, threads=1) as source:
        reddit.answer = hang
        call = asyncio.create_task(source.fetch(ABOUT))
        await arrival(reddit)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        reddit.answer = always(Reply(body=t5()))
        assert (await source.fetch(ABOUT)).value.name == "kettles"


async def test_a_cancelled_caller_does_not_disturb_the_others(reddit: ScriptedReddit, source: PrawTransport) -> None:
    gate = threading.Event()

    def answer(_request: Request) -> Reply:
        assert gate.wait(PATIENCE_SECONDS)
        return Reply(body=t5())

    reddit.answer = answer
    one, other = (asyncio.create_task(source.fetch(ABOUT)) for _ in range(2))
    await arrival(reddit)
    await arrival(reddit)
    one.cancel()
    gate.set()
    assert (await other).value.name == "kettles"


async def test_an_instance_is_not_lent_before_its_thread_has_ended(
    reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(AbortableSession, "abort", lambda _self: None)

    def answer(request: Request) -> Reply:
        if len(reddit.requests) == 1:
            assert gate.wait(PATIENCE_SECONDS)
        return Reply(body=t5(name=request.headers["authorization"].split()[1]))

    reddit.answer = answer
    async with transport(reddit.url, threads=2) as source:
        call = asyncio.create_task(source.fetch(ABOUT))
        await arrival(reddit)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await source.fetch(ABOUT)).value.name == "token-2"
        gate.set()


async def test_at_most_so_many_at_once(reddit: ScriptedReddit) -> None:
    full = threading.Barrier(3, timeout=PATIENCE_SECONDS)

    def answer(_request: Request) -> Reply:
        full.wait()
        return Reply(body=t5())

    reddit.answer = answer
    async with transport(reddit.url, threads=3) as source:
        answers = await asyncio.gather(*(source.fetch(ABOUT) for _ in range(12)))
    assert len(answers) == 12
    assert reddit.busiest == 3
    assert reddit.tokens == 3


async def test_closing_ends_the_threads(reddit: ScriptedReddit) -> None:
    async with transport(reddit.url) as source:
        await source.fetch(ABOUT)
        threads = set(source._threads._threads)
        assert threads
    assert not any(thread.is_alive() for thread in threads)
