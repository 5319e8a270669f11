"""Answers of an upstream that are too large, packed or unpacked: refused while they are read."""

import gzip
import resource
import threading
from collections.abc import Iterator

import pytest

from reddit_mcp.errors import UpstreamError
from reddit_mcp.reddit.connections import LARGEST_ANSWER
from reddit_mcp.reddit.praw import Praw
from tests.praw_things import ABOUT, failure_of
from tests.praw_things import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.praw_things import source as source  # noqa: PLC0414
from tests.scripted_reddit import Reply, ScriptedReddit
from tests.shapes import t5

PIECE = b"[" * 1_000_000
BOMB = gzip.compress(b" " * 200_000_000, compresslevel=9)
MIB = 1024 * 1024


def flood(_closing: threading.Event) -> Iterator[bytes]:
    """200 MB of a body that names no length."""
    yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
    for _ in range(200):
        yield PIECE


def largest() -> int:
    """Bytes that this process has had resident at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip"])
async def test_a_bomb(reddit: ScriptedReddit, source: Praw, coding: str) -> None:
    packed = gzip.compress(BOMB) if "," in coding else BOMB
    reddit.answer = lambda _: Reply(200, packed, {"content-encoding": coding})
    await source.sign_in()
    before = largest()
    failure = await failure_of(source)
    assert isinstance(failure, UpstreamError)
    assert failure.data == {"status_code": 200, "upstream_service": "reddit"}
    assert largest() - before < 40 * MIB


async def test_a_flood(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = lambda _: Reply(raw=flood)
    await source.sign_in()
    before = largest()
    failure = await failure_of(source)
    assert isinstance(failure, UpstreamError)
    assert "too large" in str(failure)
    assert largest() - before < 40 * MIB


async def test_the_token_endpoint_too(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.token = lambda _: Reply(200, BOMB, {"content-encoding": "gzip"})
    failure = await failure_of(source)
    assert failure.data == {"status_code": 200, "upstream_service": "reddit_token"}


async def test_a_large_answer_within_the_bound_is_read(reddit: ScriptedReddit, source: Praw) -> None:
    about = t5()
    about["data"]["filler"] = "x" * (LARGEST_ANSWER - 10_000)
    reddit.answer = lambda _: Reply(body=about)
    assert (await source.fetch(ABOUT)).value.name
