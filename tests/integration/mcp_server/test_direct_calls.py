"""Calls that pass the SDK by: what is answered is what the SDK would answer, and what is not plain goes to it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reddit_mcp.mcp_server.direct_calls import DirectCalls

NEW, OLD = "2026-07-28", "2025-06-18"
TRIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_subreddit_posts", {"subreddit": "MeepleTable", "limit": 3}),
    ("get_subreddit_posts", {"subreddit": "MeepleTable", "limit": "3", "sort": "NEW", "after": None}),
    ("get_subreddit_posts", {"subreddit": "MeepleTable", "limit": 3, "detail": "full"}),
    ("search_reddit", {"query": "board ☕ 'game'", "limit": 2}),
    ("get_subreddit_info", {"subreddit": "MeepleTable"}),
    ("get_subreddit_info", {"subreddit": "nowhere_at_all"}),
    ("get_user_info", {}),
    ("get_user_info", {"username": "x", "unknown": [1]}),
    ("watch_keywords", {"action": "list"}),
    ("get_trending_topics", {}),
    ("no_such_tool", {}),
)


@pytest.fixture(params=[NEW, OLD])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def http(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url) as client:
        yield client


def message(version: str, tool: str, arguments: Any, *, id_: Any = 7, **meta: Any) -> dict[str, Any]:
    envelope = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    if version == NEW or meta:
        params["_meta"] = {**(envelope if version == NEW else {}), **meta}
    return {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": params}


def headers(version: str, tool: str, **more: str) -> dict[str, str]:
    common = {"accept": "application/json, text/event-stream", "mcp-protocol-version": version}
    routing = {"mcp-method": "tools/call", "mcp-name": tool} if version == NEW else {}
    return {**common, **routing, **more}


def seen(response: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """What a client sees, without what differs from call to call."""
    names = {name: value for name, value in response.headers.items() if name not in ("x-request-id", "date")}
    names.pop("content-length", None)
    body = response.json()
    result = body.get("result") or {}
    for content in (result.get("structuredContent") or {},):
        for changing in ("execution_time_ms", "cache_age_seconds", "reddit_api_calls", "cached", "ttl"):
            content.get("metadata", {}).pop(changing, None)
        content.get("metadata", {}).pop("reddit_rate_limit_remaining", None)
        content.get("error", {}).get("data", {}).pop("trace_id", None)
        content.pop("analysis_timestamp", None)
    for block in result.get("content", ()):
        sentence, _, written = block["text"].rpartition("\n")
        block["text"] = (sentence, sorted(json.loads(written)) if written.startswith("{") else written)
    return response.status_code, names, body


@pytest.mark.parametrize(("tool", "arguments"), TRIES)
def test_the_answer_is_the_sdks(http: httpx.Client, version: str, tool: str, arguments: dict[str, Any]) -> None:
    """A wildcard in `Accept` makes a request one that is not plain, so the SDK answers it."""
    body = message(version, tool, arguments)
    http.post("/mcp", json=body, headers=headers(version, tool))
    direct = http.post("/mcp", json=body, headers=headers(version, tool))
    sdk = http.post("/mcp", json=body, headers=headers(version, tool, accept="*/*"))
    assert seen(direct) == seen(sdk)


@pytest.mark.parametrize("id_", [0, -5, 2**53, "", "a text"])
def test_an_id_comes_back_as_it_was(http: httpx.Client, version: str, id_: Any) -> None:
    tool = "get_subreddit_info"
    body = message(version, tool, {"subreddit": "MeepleTable"}, id_=id_)
    assert http.post("/mcp", json=body, headers=headers(version, tool)).json()["id"] == id_


def found(version: str, body: dict[str, Any], given: dict[str, str]) -> bool:
    """Whether a request would pass the SDK by."""
    calls = DirectCalls.__new__(DirectCalls)
    calls._off, calls._tools, calls._envelopes = False, frozenset({"search_reddit"}), set()
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return calls.find({"headers": raw}, body) is not None


def test_a_plain_call_is_found(version: str) -> None:
    body = message(version, "search_reddit", {"query": "x"})
    assert found(version, body, headers(version, "search_reddit"))


@pytest.mark.parametrize(
    "more",
    [
        {"accept": "application/json"},
        {"accept": "*/*"},
        {"mcp-session-id": "some"},
        {"last-event-id": "1"},
        {"mcp-param-query": "x"},
        {"mcp-protocol-version": "2099-01-01"},
    ],
)
def test_headers_that_want_more_go_to_the_sdk(version: str, more: dict[str, str]) -> None:
    body = message(version, "search_reddit", {"query": "x"})
    assert not found(version, body, headers(version, "search_reddit", **more))


@pytest.mark.parametrize("more", [{"mcp-name": "other"}, {"mcp-method": "tools/list"}, {"mcp-name": "=?base64?eA==?="}])
def test_routing_headers_that_differ_go_to_the_sdk(more: dict[str, str]) -> None:
    body = message(NEW, "search_reddit", {"query": "x"})
    assert not found(NEW, body, headers(NEW, "search_reddit", **more))


@pytest.mark.parametrize(
    "change",
    [
        {"jsonrpc": "1.0"},
        {"method": "tools/list"},
        {"more": 1},
        {"params": None},
        {"params": {"name": "search_reddit"}},
        {"params": {"name": 5, "arguments": {}}},
        {"params": {"name": "search_reddit", "arguments": []}},
        {"params": {"name": "search_reddit", "arguments": {}, "task": {}}},
        {"params": {"name": "search_reddit", "arguments": {}, "_meta": {"progressToken": 1}}},
    ],
)
def test_messages_of_another_form_go_to_the_sdk(version: str, change: dict[str, Any]) -> None:
    body = {**message(version, "search_reddit", {"query": "x"}), **change}
    assert not found(version, body, headers(version, "search_reddit"))


@pytest.mark.parametrize(
    "meta",
    [
        {"progressToken": "t"},
        {"io.modelcontextprotocol/protocolVersion": OLD},
        {"io.modelcontextprotocol/clientCapabilities": 5},
        {"io.modelcontextprotocol/clientInfo": "x" * 3000},
    ],
)
def test_envelopes_that_the_sdk_should_judge_go_to_it(meta: dict[str, Any]) -> None:
    body = message(NEW, "search_reddit", {"query": "x"}, **meta)
    assert not found(NEW, body, headers(NEW, "search_reddit"))
