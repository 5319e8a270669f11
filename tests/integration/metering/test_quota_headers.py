"""X-RateLimit headers over real HTTP: on answers, refusals, streams and messages that are no calls."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fakeredis import FakeServer
from starlette.responses import JSONResponse

from reddit_mcp.errors import UpstreamError
from reddit_mcp.http.middleware.quota_headers import QuotaHeaders
from reddit_mcp.models import LOCAL, Caller
from tests.support.quotas import FREE, Clock, House, Named
from tests.support.redis_store import fake_store
from tests.support.server_process import listening

HEADERS = {"accept": "application/json, text/event-stream"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.fixture
def redis() -> FakeServer:
    return FakeServer()


@pytest.fixture
async def house(redis: FakeServer) -> AsyncIterator[House]:
    async with fake_store(redis) as store:
        with Clock(1_792_238_400_000_000).ruling():
            yield House(store)


def message(meta: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    params = {"name": "get_subreddit_info", "arguments": arguments or {"subreddit": "lua"}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params | ({"_meta": meta} if meta else {})}


async def posted(
    house: House, *messages: dict[str, Any], caller: Caller | None = FREE
) -> list[tuple[httpx.Response, tuple[str, ...]]]:
    """The answers and their Limit, Remaining, Reset and Retry-After."""
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after")
    async with house.serving(caller) as url, httpx.AsyncClient(base_url=url, headers=HEADERS) as client:
        answers = [await client.post("/mcp", json=each) for each in messages]
    assert {answer.status_code for answer in answers} == {200}
    return [(answer, tuple(answer.headers[name] for name in names if name in answer.headers)) for answer in answers]


async def test_answers_count_down_and_a_refusal_says_when_to_return(house: House) -> None:
    answers = await posted(house, *[message()] * 12)
    headers = [found for _, found in answers]
    assert headers[:2] == [("10", "9", "6"), ("10", "8", "12")]
    assert headers[9:] == [("10", "0", "60", "6")] * 3
    refused = answers[-1][0].json()["result"]
    assert refused["isError"] is True
    assert refused["structuredContent"]["error"]["data"]["window"] == "minute"


async def test_what_was_given_back_is_in_the_headers(house: House) -> None:
    house.upstream.answer = lambda: UpstreamError("Reddit broke")
    failed, refused = await posted(house, message(), message(nonsense=1))
    assert failed[1] == refused[1] == ("10", "10", "0")


async def test_messages_that_are_no_calls_tell_it_and_cost_nothing(house: House) -> None:
    assert [found for _, found in await posted(house, LIST, LIST)] == [("10", "10", "0")] * 2


async def test_a_stream_tells_how_it_stood_before_the_call(house: House) -> None:
    stream, plain = await posted(house, message(meta={"progressToken": 1}), message())
    assert stream[0].headers["content-type"].startswith("text/event-stream")
    assert stream[1] == ("10", "10", "0")
    assert plain[1] == ("10", "8", "12")


@pytest.mark.parametrize("caller", [None, LOCAL, Caller(id="eve", tier="enterprise")])
async def test_callers_without_a_quota_hear_nothing(house: House, caller: Caller | None) -> None:
    assert [found for _, found in await posted(house, message(), LIST, caller=caller)] == [()] * 2


async def test_the_nearest_window_is_told(house: House, redis: FakeServer) -> None:
    async with fake_store(redis) as store:
        short = House(store, tiers='{"free": {"hour": 3}}')
        assert (await posted(short, message()))[0][1] == ("3", "2", "3600")


async def test_redis_away_tells_of_the_local_bucket(house: House, redis: FakeServer) -> None:
    redis.connected = False
    assert [found[:2] for _, found in await posted(house, message(), LIST)] == [("10", "9")] * 2


async def test_a_page_that_says_when_to_return_is_believed(house: House) -> None:
    for _ in range(10):
        await house.call()
    page = QuotaHeaders(JSONResponse({"status": "queued"}, headers={"Retry-After": "7"}), lambda: house.quota)
    async with listening(Named(page, FREE)) as url, httpx.AsyncClient() as client:
        headers = (await client.get(url)).headers
    assert (headers["x-ratelimit-remaining"], headers["retry-after"]) == ("0", "7")
