"""One smoke test for each transport and protocol era, with the SDK's own clients."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.session import ClientSession
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.support.server_process import environment, server
from tests.support.tool_calls import TOOLS


async def _names_and_posts(client: Any) -> tuple[set[str], dict[str, Any]]:
    tools = {tool.name for tool in (await client.list_tools()).tools}
    answer = await client.call_tool("get_subreddit_posts", {"subreddit": "all", "limit": 3})
    assert json.loads(answer.content[0].text) == answer.structured_content
    return tools, answer.structured_content


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_streamable_http(base_url: str, path: str, mode: Any, version: str) -> None:
    async with Client(base_url + path, mode=mode) as client:
        tools, answer = await _names_and_posts(client)
        assert client.protocol_version == version
    assert tools == set(TOOLS)
    assert len(answer["posts"]) == 3
    assert answer["metadata"]["source"] == "sample"


async def test_legacy_sse(base_url: str) -> None:
    async with sse_client(base_url + "/sse") as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        tools, answer = await _names_and_posts(session)
    assert tools == set(TOOLS)
    assert len(answer["posts"]) == 3


async def test_stdio_beside_a_running_http_server_of_the_same_data_dir(tmp_path: Path) -> None:
    words = ["-m", "reddit_mcp", "serve", "--transport", "stdio"]
    parameters = StdioServerParameters(command=sys.executable, args=words, env=environment(tmp_path), cwd=tmp_path)
    keyword = {"action": "create", "keywords": ["espresso"]}
    with server(tmp_path) as url:
        async with Client(url + "/mcp") as over_http, Client(stdio_client(parameters)) as over_stdio:
            assert (await _names_and_posts(over_stdio))[0] == set(TOOLS)
            created = (await over_http.call_tool("watch_keywords", keyword)).structured_content
            listed = (await over_stdio.call_tool("watch_keywords", {"action": "list"})).structured_content
    assert created is not None
    assert listed is not None
    assert [watch["watch_id"] for watch in listed["watches"]] == [created["watch"]["watch_id"]]


async def test_progress_reaches_a_caller_who_asked_for_it(base_url: str) -> None:
    seen: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with Client(base_url + "/mcp", mode="legacy") as client:
        listing = await client.call_tool("search_reddit", {"query": "a", "sort": "comments", "time_filter": "all"})
        assert listing.structured_content is not None
        busiest = listing.structured_content["results"][0]["id"]
        arguments = {"post_id": busiest, "limit": 5, "expand_more": 2}
        answer = await client.call_tool("get_post_comments", arguments, progress_callback=note)
    assert answer.structured_content is not None
    assert answer.structured_content["metadata"]["reddit_api_calls"] == 3
    assert len(seen) == 2
