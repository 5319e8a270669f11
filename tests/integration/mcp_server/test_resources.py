"""Resources over real HTTP: a community, a post, and a watch that only its owner may read."""

import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceTemplateReference, TextResourceContents

from tests.support.keyed_servers import House
from tests.support.server_process import server


async def test_a_community_and_a_post(base_url: str) -> None:
    async with Client(base_url + "/mcp") as client:
        listing = (await client.call_tool("get_subreddit_posts", {"subreddit": "all", "limit": 1})).structured_content
        assert listing is not None
        first = listing["posts"][0]
        post = await _read(client, f"reddit://post/{first['id']}")
        about = await _read(client, f"reddit://r/{first['subreddit']}/about")
    assert post["title"] == first["title"]
    assert post["type"] == "post"
    assert about["name"] == first["subreddit"]


async def test_what_is_not_there_is_said(base_url: str) -> None:
    async with Client(base_url + "/mcp") as client:
        for address in ("reddit://post/zzzzzzz", "reddit://watches/nobodys", "reddit://r/nonesuch/about"):
            with pytest.raises(MCPError):
                await client.read_resource(address)


async def test_a_watch_is_its_owners_alone(tmp_path: Path) -> None:
    house = House(tmp_path, {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": secrets.token_urlsafe(32)})
    with server(tmp_path, **house.settings) as url:
        ada, eve = (house.create(name)["key"] for name in ("ada", "eve"))
        async with _client(url, ada) as client:
            made = await client.call_tool("watch_keywords", {"action": "create", "keywords": ["kettle"]})
            assert made.structured_content is not None
            address = f"reddit://watches/{made.structured_content['watch']['watch_id']}"
            assert (await _read(client, address))["keywords"] == ["kettle"]
        async with _client(url, eve) as client:
            with pytest.raises(MCPError, match=r"no .*watch|There is no"):
                await client.read_resource(address)


@contextlib.asynccontextmanager
async def _client(url: str, key: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}) as http,
        Client(streamable_http_client(url + "/mcp", http_client=http)) as client,
    ):
        yield client


async def _read(client: Client, address: str) -> Any:
    content = (await client.read_resource(address)).contents[0]
    assert isinstance(content, TextResourceContents)
    return json.loads(content.text)


async def test_names_of_communities_complete_themselves(base_url: str) -> None:
    reference = ResourceTemplateReference(uri="reddit://r/{subreddit}/about")
    async with Client(base_url + "/mcp") as client:
        found = await client.complete(reference, {"name": "subreddit", "value": "Me"})
    assert "MeepleTable" in found.completion.values
