"""What one caller may cost: long texts, free requests, streams, wrong requests; and what a stranger may read."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.asgi_requests import JSON, call
from tests.support.keyed_servers import House
from tests.support.patience import PATIENCE_SECONDS
from tests.support.raw_http import connected, everything
from tests.support.server_process import server

LONG = "x" * 1_000_000
MODERN = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}
METHODS = (
    "server/discover ping tools/list prompts/list prompts/get resources/list resources/read resources/templates/list "
    "resources/subscribe resources/unsubscribe completion/complete logging/setLevel subscriptions/listen initialize "
    "tools/call no/such/method"
).split()
WRONG: list[Any] = [
    None,
    {},
    {"name": 5},
    {"name": "nothing"},
    {"uri": 5},
    {"uri": "reddit://nothing"},
    {"uri": "http://[oh"},
    {"name": "research_topic"},
    {"name": "research_topic", "arguments": {}},
    {"name": "research_topic", "arguments": {"topic": 5}},
    {"name": "research_topic", "arguments": {"topic": "x", "more": "y"}},
    {"name": "compare_communities", "arguments": {"first": "a"}},
    {"ref": {"type": "ref/prompt", "name": "nothing"}, "argument": {"name": "x", "value": "y"}},
    {"ref": {"type": "ref/nothing"}, "argument": {"name": "subreddit", "value": "y"}},
    {"level": "loud"},
    {"cursor": "nothing"},
]


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "server.log"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, log_file: Path) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("data"), LOG_FILE=str(log_file)) as address:
        yield address


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    settings = {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": "11" * 32}
    return House(tmp_path_factory.mktemp("keys"), settings)


@pytest.fixture(scope="module")
def locked(house: House) -> Iterator[str]:
    with server(house.data_dir, **house.settings) as address:
        yield address


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(headers=JSON, timeout=PATIENCE_SECONDS) as opened:
        yield opened


def message(method: str, params: Any = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, **({} if params is None else {"params": params})}


@pytest.mark.parametrize(
    ("tool", "field", "arguments"),
    [
        ("search_reddit", "query", {"query": LONG}),
        ("get_post_comments", "post_id", {"post_id": LONG}),
        ("get_subreddit_posts", "subreddit", {"subreddit": ["x" * 500_000, "y" * 400_000]}),
        ("search_reddit", "sort", {"query": "x", "sort": LONG}),
        ("search_reddit", "limit", {"query": "x", "limit": "9" * 1_000_000}),
        ("watch_keywords", "keywords.0", {"action": "create", "keywords": [LONG]}),
        ("watch_keywords", "webhook_url", {"action": "create", "keywords": ["x"], "webhook_url": LONG}),
        ("analyze_sentiment", "content_id", {"content_type": "post", "content_id": "<" * 1_000_000}),
    ],
)
async def test_a_long_text_is_refused_by_name(
    client: httpx.AsyncClient, url: str, tool: str, field: str, arguments: dict[str, Any]
) -> None:
    answer = await client.post(url + "/mcp", json=call(tool, **arguments))
    error = answer.json()["result"]["structuredContent"]["error"]
    assert error["type"] == "invalid_input"
    assert error["data"]["issues"][0]["field"] == field
    assert len(answer.content) < 4_000


async def test_long_texts_beside_calls(client: httpx.AsyncClient, url: str) -> None:
    prompt = await client.post(
        url + "/mcp", json=message("prompts/get", {"name": "research_topic", "arguments": {"topic": LONG}})
    )
    assert prompt.json()["error"]["code"] == -32602
    completion = {"ref": {"type": "ref/resource", "uri": "reddit://r/{subreddit}/about"}}
    completed = await client.post(
        url + "/mcp",
        json=message("completion/complete", {**completion, "argument": {"name": "subreddit", "value": LONG}}),
    )
    assert completed.json()["result"]["completion"]["values"] == []


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize("method", METHODS)
async def test_no_mistake_of_a_client_is_ours(
    client: httpx.AsyncClient, url: str, log_file: Path, method: str, version: str
) -> None:
    for params in WRONG:
        given = {**(params or {}), **MODERN} if version == "2026-07-28" else params
        headers = {"mcp-protocol-version": version, "mcp-method": method}
        request = client.build_request("POST", url + "/mcp", json=message(method, given), headers=headers)
        answer = await client.send(request, stream=True)
        if answer.headers["content-type"].startswith("text/event-stream"):  # it listens to nothing
            await answer.aclose()
            continue
        told = json.loads(await answer.aread())
        if "error" in told:
            assert told["error"]["code"] in (-32600, -32601, -32602, -32002, -32001, -32003, -32020, -32022), told
            assert told["error"]["message"]
    assert_no_bug_in(log_file)


def assert_no_bug_in(log_file: Path) -> None:
    logged = log_file.read_text(encoding="utf-8")
    assert "Traceback" not in logged
    assert '"level": "critical"' not in logged


async def test_an_unknown_prompt_is_told_in_a_sentence(client: httpx.AsyncClient, url: str) -> None:
    asked = message("prompts/get", {"name": "research_topics", "arguments": {"topic": "tea"}})
    error = (await client.post(url + "/mcp", json=asked)).json()["error"]
    assert (error["code"], error["message"]) == (
        -32602,
        "Unknown prompt: research_topics; did you mean research_topic?",
    )


@pytest.mark.parametrize("name", [b"Host", b"Origin"])
async def test_a_doubled_name_is_refused(url: str, name: bytes) -> None:
    port = int(url.rpartition(":")[2])
    place = b"localhost" if name == b"Host" else b"http://localhost"
    lines = [
        b"POST /mcp HTTP/1.1",
        b"Host: localhost",
        name + b": " + place,
        b"Content-Length: 2",
        b"Connection: close",
    ]
    if name == b"Origin":
        lines.insert(1, name + b": " + place)
    async with connected(port) as (reader, writer):
        writer.write(b"\r\n".join([*lines, b"", b"{}"]))
        assert (await everything(reader)).startswith(b"HTTP/1.1 400 ")


async def test_strangers_read_the_lists_and_nothing_else(client: httpx.AsyncClient, locked: str) -> None:
    for method in ("initialize", "ping", "tools/list", "prompts/list", "resources/list", "resources/templates/list"):
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
        answer = await client.post(locked + "/mcp", json=message(method, params if method == "initialize" else None))
        assert (answer.status_code, "result" in answer.json()) == (200, True), method
        assert "x-ratelimit-limit" not in answer.headers
    for asked in (call("search_reddit", query="x"), message("prompts/get", {"name": "x"}), message("resources/read")):
        answer = await client.post(locked + "/mcp", json=asked)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith('Bearer realm="reddit-mcp"')
    wrong = await client.post(locked + "/mcp", json=message("tools/list"), headers={"x-api-key": "wrong"})
    assert wrong.status_code == 401
    assert (await client.get(locked + "/sse")).status_code == 401
    assert (await client.get(locked + "/usage")).status_code == 401


async def test_lists_can_be_closed(client: httpx.AsyncClient, tmp_path: Path, house: House) -> None:
    with server(tmp_path, **house.settings, LIST_WITHOUT_KEY="0") as address:
        assert (await client.post(address + "/mcp", json=message("tools/list"))).status_code == 401


async def test_lists_without_a_key_are_bounded(client: httpx.AsyncClient, locked: str) -> None:
    asked = [client.post(locked + "/mcp", json=message("ping")) for _ in range(300)]
    refused = [told["error"] for answer in await asyncio.gather(*asked) if "error" in (told := answer.json())]
    assert refused
    assert {(error["code"], error["data"]["retry_after_seconds"] >= 1) for error in refused} == {(-32004, True)}


async def test_wrong_calls_are_free_until_they_are_too_many(
    client: httpx.AsyncClient, locked: str, house: House
) -> None:
    key = {"x-api-key": house.create("ann", "--tier", "free")["key"]}
    kinds: Counter[str] = Counter()
    while not kinds["rate_limited"] and kinds.total() < 1_000:
        answer = await client.post(locked + "/mcp", json=call("search_reddit", query=""), headers=key)
        kinds[answer.json()["result"]["structuredContent"]["error"]["type"]] += 1
    assert kinds["invalid_input"] >= 100
    assert kinds["rate_limited"] == 1


async def test_a_caller_has_eight_streams(locked: str, house: House) -> None:
    key = {"x-api-key": house.create("bea")["key"]}
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(headers=key, timeout=PATIENCE_SECONDS))
        for _ in range(8):
            opened = await stack.enter_async_context(client.stream("GET", locked + "/sse"))
            assert opened.status_code == 200
        refused = await client.get(locked + "/sse")
        assert refused.status_code == 503
        assert refused.json()["error"]["data"]["reason"] == "overloaded"
