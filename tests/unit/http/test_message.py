"""The body of a request: read within its limits, looked at once, refused before anything expensive sees it."""

import asyncio
import json
import time
import timeit
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from reddit_mcp.http.bad_request import BadRequest
from reddit_mcp.http.middleware.json_body import BODY_SECONDS, LARGEST_BODY, MOST_VALUES, JsonBody, decoded, read_body
from reddit_mcp.mcp_server.streamable_http import StreamableHttp
from tests.support.asgi_requests import call, http, pieces, server

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
MEGABYTE_OF_LISTS = b'{"params":' + b"[" * 500_000 + b"]" * 500_000 + b"}"


def nested(levels: int) -> bytes:
    return b'{"method":"x","params":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        (b"", -32700, "JSON"),
        (b"{", -32700, "JSON"),
        (b'{"id":1,"method":"\xff"}', -32700, "UTF-8"),
        (b'{"id":1,"method":"\\ud800"}', -32700, "UTF-8"),
        (b"\xef\xbb\xbf{}", -32700, "UTF-8"),
        (b'{"id":1,"params":{"limit":NaN}}', -32700, "JSON"),
        (b'{"id":1,"params":{"limit":1e999}}', -32700, "out of range"),
        (b'{"id":1,"params":{"limit":' + b"9" * 900_000 + b"}}", -32700, "out of range"),
        (b"[]", -32600, "batches"),
        (b"[" + json.dumps(LIST).encode() + b"]", -32600, "batches"),
        (b"null", -32600, "one JSON-RPC message"),
        (b'"x"', -32600, "one JSON-RPC message"),
        (nested(64), -32600, "64 levels"),
        (nested(900), -32600, "64 levels"),
        (nested(4_000), -32700, "JSON"),
        (MEGABYTE_OF_LISTS, -32600, str(MOST_VALUES)),
        (b'{"params":[' + b"1," * 400_000 + b"1]}", -32600, str(MOST_VALUES)),
        (b'{"id":null,"method":"ping"}', -32600, "id"),
        (b'{"id":true,"method":"ping"}', -32600, "id"),
        (b'{"id":1.5,"method":"ping"}', -32600, "id"),
        (b'{"id":[1],"method":"ping"}', -32600, "id"),
        (b'{"id":' + b"9" * 30 + b',"method":"ping"}', -32600, "id"),
        (b'{"id":"' + b"x" * 900_000 + b'","method":"ping"}', -32600, "id"),
        (b'{"id":1,"method":"' + b"x" * 900_000 + b'"}', -32600, "method"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_message_is_refused_and_says_why(body: bytes, code: int, word: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(body)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert word in str(caught.value)


@pytest.mark.parametrize("body", [MEGABYTE_OF_LISTS, nested(4_000), b'{"a":' * 190_000 + b"}" * 98_000], ids=len)
def test_a_bomb_costs_next_to_nothing(body: bytes) -> None:
    def refuse() -> None:
        with pytest.raises(BadRequest):
            decoded(body)

    assert len(body) <= LARGEST_BODY
    assert timeit.timeit(refuse, number=10, timer=time.process_time) / 10 < 0.02


@pytest.mark.parametrize(
    "body",
    [
        nested(63),
        b'{"method":"notifications/initialized"}',
        b'{"id":"' + b"x" * 256 + b'","method":"ping"}',
        b'{"id":-9223372036854775808,"method":"ping"}',
        json.dumps(call("watch_keywords", action="create", keywords=["[{," * 33] * 10)).encode(),
    ],
    ids=len,
)
def test_every_honest_message_passes(body: bytes) -> None:
    assert decoded(body) == json.loads(body)


async def test_of_two_equal_names_every_layer_takes_the_last() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list","method":"ping"}'
    assert (decoded(body)["id"], decoded(body)["method"]) == (2, "ping")
    async with http() as client:
        assert (await client.post("/mcp", content=body)).json() == {"jsonrpc": "2.0", "id": 2, "result": {}}


async def test_a_body_is_put_together() -> None:
    assert await read_body(pieces(b"a", b"", b"bc")) == b"abc"


async def test_a_body_above_one_megabyte_is_413_at_its_first_byte_too_many() -> None:
    half = b"x" * (LARGEST_BODY // 2)
    assert len(await read_body(pieces(half, half))) == LARGEST_BODY
    with pytest.raises(BadRequest) as caught:
        await read_body(pieces(half, half, b"x", ends=False))
    assert caught.value.status == 413


async def test_a_body_that_dribbles_is_408() -> None:
    async def dribble() -> Message:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b" ", "more_body": True}

    with pytest.raises(BadRequest) as caught:
        await read_body(dribble, seconds=0.05)
    assert caught.value.status == 408
    assert BODY_SECONDS <= 15


async def test_a_caller_who_hangs_up_in_the_middle_gets_no_answer() -> None:
    sent: list[Any] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def unreachable(*_: Any) -> None:
        raise AssertionError

    with pytest.raises(ClientDisconnect):
        await read_body(pieces(b"{", ends=False))
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    await JsonBody(unreachable)(scope, pieces(b"{", ends=False), send)
    await StreamableHttp(server().lowlevel)(scope, pieces(b"{", ends=False), send)
    assert sent == []


async def test_the_legacy_transport_gets_its_messages_checked_and_unchanged() -> None:
    seen: list[bytes] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        seen.append(await read_body(receive))

    sent: list[Any] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    await JsonBody(app)(scope, pieces(b'{"method":', b'"x"}'), send)
    await JsonBody(app)(scope, pieces(b"[]"), send)
    await JsonBody(app)({**scope, "method": "GET"}, pieces(b"as it is"), send)
    assert seen == [b'{"method":"x"}', b"as it is"]
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [400]
