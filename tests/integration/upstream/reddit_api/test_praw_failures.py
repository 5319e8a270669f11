"""PRAW as the transport when Reddit fails or refuses: one request, one clear failure."""

import socket

import pytest

from reddit_mcp.errors import InvalidInput, NotFound, UpstreamError
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport
from tests.support.praw_transport import ABOUT, HTML, MORE, always, failure_of, transport
from tests.support.praw_transport import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.support.praw_transport import source as source  # noqa: PLC0414
from tests.support.scripted_reddit import Reply, ScriptedReddit

# faults of Reddit's


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520, 522])
async def test_trouble_is_one_request(reddit: ScriptedReddit, source: PrawTransport, status: int) -> None:
    reddit.answer = always(Reply(status, HTML))
    failure = await failure_of(source)
    assert isinstance(failure, UpstreamError)
    assert failure.data == {"status_code": status, "upstream_service": "reddit"}
    assert len(reddit.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        b"",
        b'{"kind": "t5", "data": {"display_na',
        b"\xff\xfe\x00",
        b"9" * 5000,
        b"[" * 200_000,
        b"null",
        b"[]",
        b'"text"',
        b'{"error": "403"}',
        b'{"kind": "t5", "data": {}}',
    ],
    ids=lambda body: ascii(body[:20]),
)
async def test_an_answer_that_is_not_its_json(reddit: ScriptedReddit, source: PrawTransport, body: bytes) -> None:
    reddit.answer = always(Reply(200, body))
    failure = await failure_of(source)
    assert isinstance(failure, UpstreamError)
    assert failure.data["status_code"] == 200
    assert len(reddit.requests) == 1


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
        b"",
        b"SSH-2.0\r\n",
    ],
)
async def test_a_connection_that_ends_early(reddit: ScriptedReddit, source: PrawTransport, start: bytes) -> None:
    reddit.answer = always(Reply(raw=lambda _closing: iter([start])))
    failure = await failure_of(source)
    assert isinstance(failure, UpstreamError)
    assert failure.data == {"upstream_service": "reddit"}
    assert len(reddit.requests) == 1


async def test_errors_inside_a_good_answer(reddit: ScriptedReddit, source: PrawTransport) -> None:
    reddit.answer = always(Reply(body={"json": {"errors": [["BAD", "words", "field"]]}}))
    failure = await failure_of(source, MORE)
    assert isinstance(failure, UpstreamError)
    assert failure.data["status_code"] == 200


async def test_connection_refused() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with transport(f"http://127.0.0.1:{port}") as source:
        failure = await failure_of(source)
    assert isinstance(failure, UpstreamError)


# refusals of Reddit's


@pytest.mark.parametrize("reason", ["private", "gated", "quarantined"])
async def test_hidden_communities(reddit: ScriptedReddit, source: PrawTransport, reason: str) -> None:
    reddit.answer = always(Reply(403, {"reason": reason, "message": "Forbidden", "error": 403}))
    failure = await failure_of(source)
    assert isinstance(failure, NotFound)
    assert failure.data == {"resource": "community r/kettles", "reason": reason}


async def test_each_refusal_names_its_own_question(reddit: ScriptedReddit, source: PrawTransport) -> None:
    reddit.answer = always(Reply(404, {"message": "Not Found", "error": 404}))
    assert (await failure_of(source, ABOUT)).data["resource"] == "community r/kettles"
    assert (await failure_of(source, MORE)).data["resource"] == "post 1abc2d"


async def test_400(reddit: ScriptedReddit, source: PrawTransport) -> None:
    reddit.answer = always(Reply(400, {"explanation": "that kettle does not exist", "reason": "X"}))
    failure = await failure_of(source)
    assert isinstance(failure, InvalidInput)
    assert "that kettle does not exist" in str(failure)
