"""A match is told to the clients of its watch's owner that listen, whichever process found it."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.session import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ResourceUpdated
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceUpdatedNotification

from reddit_mcp.settings import Settings
from reddit_mcp.storage.redis.open_store import open_store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.watches.webhooks.match_delivery import TOPIC
from tests.support.keyed_servers import House
from tests.support.patience import PATIENCE_SECONDS
from tests.support.server_process import server

pytestmark = pytest.mark.filterwarnings("ignore:resources/:mcp.shared.exceptions.MCPDeprecationWarning")

UNKNOWN = "no keyword watch of this id"


@dataclass
class Replicas:
    """Two servers on one store; the second one has sessions."""

    plain: str
    with_sessions: str
    settings: Settings
    ada: str
    eve: str


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    data_dir = tmp_path_factory.mktemp("data")
    patient = {"REDIS_TIMEOUT": "5"}  # a busy machine is no outage
    house = House(data_dir, {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": secrets.token_urlsafe(32), **patient})
    with server(data_dir, **house.settings) as plain, server(data_dir, **house.settings, MCP_SESSIONS="1") as stateful:
        ada, eve = (house.create(name)["key"] for name in ("ada", "eve"))
        yield Replicas(
            plain, stateful, Settings(_env_file=None, data_dir=data_dir, redis_url=None, redis_timeout=5), ada, eve
        )


@contextlib.asynccontextmanager
async def modern(url: str, key: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_SECONDS) as http,
        Client(streamable_http_client(url + "/mcp", http_client=http)) as client,
    ):
        yield client


class Heard:
    """The resources that an older client was told of."""

    def __init__(self) -> None:
        self.uris: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            self.uris.put_nowait(str(message.params.uri))


@contextlib.asynccontextmanager
async def over_sse(url: str, key: str, heard: Heard) -> AsyncIterator[ClientSession]:
    headers = {"authorization": f"Bearer {key}"}
    async with (
        sse_client(url + "/sse", headers=headers) as (read, write),
        ClientSession(read, write, message_handler=heard) as session,
    ):
        await session.initialize()
        yield session


@contextlib.asynccontextmanager
async def older(url: str, key: str, heard: Heard) -> AsyncIterator[ClientSession]:
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_SECONDS) as http,
        streamable_http_client(url + "/mcp", http_client=http) as (read, write, *_),
        ClientSession(read, write, message_handler=heard) as session,
    ):
        await session.initialize()
        yield session


async def made(client: Any) -> str:
    """The id of a new watch that matches nothing by itself."""
    arguments = {"action": "create", "keywords": [secrets.token_hex(8)]}
    answer = await client.call_tool("watch_keywords", arguments)
    return str(answer.structured_content["watch"]["watch_id"])


async def match(replicas: Replicas, watch_id: str) -> None:
    """What the process does that finds a match: this one, a third beside the servers."""
    async with open_store(replicas.settings) as store:
        await PubSub(store).send(TOPIC, watch_id)


async def test_a_client_of_2026_hears_of_a_match_that_another_process_found(replicas: Replicas) -> None:
    async with modern(replicas.plain, replicas.ada) as client:
        watch_id, other = await made(client), await made(client)
        uri = f"reddit://watches/{watch_id}"
        async with client.listen(resource_subscriptions=[uri, "reddit://watches/nobodys"]) as stream:
            assert stream.honored.resource_subscriptions == [uri]
            await match(replicas, other)
            await match(replicas, watch_id)
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await anext(aiter(stream)) == ResourceUpdated(uri)


async def test_a_client_of_2025_hears_of_it_over_sse(replicas: Replicas) -> None:
    heard = Heard()
    async with over_sse(replicas.plain, replicas.ada, heard) as session:
        await _hears(replicas, session, heard)


async def test_a_client_of_2025_hears_of_it_in_a_session(replicas: Replicas) -> None:
    heard = Heard()
    async with older(replicas.with_sessions, replicas.ada, heard) as session:
        await _hears(replicas, session, heard)


async def _hears(replicas: Replicas, session: ClientSession, heard: Heard) -> None:
    assert session.server_capabilities.resources.subscribe  # type: ignore[union-attr]
    watch_id = await made(session)
    uri = f"reddit://watches/{watch_id}"
    await session.subscribe_resource(uri)
    await session.subscribe_resource(uri)  # once more changes nothing
    await match(replicas, watch_id)
    assert await asyncio.wait_for(heard.uris.get(), PATIENCE_SECONDS) == uri
    await session.unsubscribe_resource(uri)
    second = await made(session)
    await session.subscribe_resource(f"reddit://watches/{second}")
    await match(replicas, watch_id)
    await match(replicas, second)
    assert await asyncio.wait_for(heard.uris.get(), PATIENCE_SECONDS) == f"reddit://watches/{second}"


async def test_without_a_session_subscribing_is_a_clear_error_and_not_promised(replicas: Replicas) -> None:
    async with older(replicas.plain, replicas.ada, Heard()) as session:
        assert not session.server_capabilities.resources.subscribe  # type: ignore[union-attr]
        uri = f"reddit://watches/{await made(session)}"
        with pytest.raises(MCPError, match=r"has no session.*/sse.*subscriptions/listen"):
            await session.subscribe_resource(uri)


async def test_a_strangers_watch_looks_like_none(replicas: Replicas) -> None:
    async with modern(replicas.plain, replicas.ada) as client:
        adas = f"reddit://watches/{await made(client)}"
    unknown = f"reddit://watches/{secrets.token_urlsafe(9)}"
    async with modern(replicas.plain, replicas.eve) as client:
        assert await _listening_refused(client, adas) == await _listening_refused(client, unknown)
    for opened in (
        over_sse(replicas.plain, replicas.eve, Heard()),
        older(replicas.with_sessions, replicas.eve, Heard()),
    ):
        async with opened as session:
            assert await _subscribing_refused(session, adas) == await _subscribing_refused(session, unknown)


@pytest.mark.parametrize(
    "uri", ["reddit://r/all/about", "reddit://watches/", "reddit://watches/a/b", "file:///etc/passwd"]
)
async def test_nothing_but_a_watch_can_be_listened_to(replicas: Replicas, uri: str) -> None:
    async with modern(replicas.plain, replicas.ada) as client:
        assert UNKNOWN in (await _listening_refused(client, uri))[1]
    async with over_sse(replicas.plain, replicas.ada, Heard()) as session:
        assert UNKNOWN in (await _subscribing_refused(session, uri))[1]


async def _listening_refused(client: Client, uri: str) -> tuple[int, str, list[str]]:
    with pytest.raises(MCPError) as caught:
        async with client.listen(resource_subscriptions=[uri]):
            pass
    return _error(caught.value, uri)


async def _subscribing_refused(session: ClientSession, uri: str) -> tuple[int, str, list[str]]:
    with pytest.raises(MCPError) as caught:
        await session.subscribe_resource(uri)
    return _error(caught.value, uri)


def _error(error: MCPError, uri: str) -> tuple[int, str, list[str]]:
    assert error.error.data == {"uri": uri}
    return error.error.code, error.error.message, list(error.error.data)


async def test_sessions_change_nothing_for_clients_of_2026(replicas: Replicas) -> None:
    async with modern(replicas.with_sessions, replicas.ada) as client:
        uri = f"reddit://watches/{await made(client)}"
        async with client.listen(resource_subscriptions=[uri]) as stream:
            await match(replicas, uri.removeprefix("reddit://watches/"))
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await anext(aiter(stream)) == ResourceUpdated(uri)


async def test_a_session_is_its_callers_and_ends_when_it_is_told_to(replicas: Replicas) -> None:
    initialize = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize}
    accepts = {"accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(base_url=replicas.with_sessions, headers=accepts) as http:
        own, strange = ({"authorization": f"Bearer {key}"} for key in (replicas.ada, replicas.eve))
        session = (await http.post("/mcp", json=message, headers=own)).headers["mcp-session-id"]
        named, ping = {"mcp-session-id": session}, {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        assert (await http.post("/mcp", json=ping, headers=own | named)).status_code == 200
        assert (await http.post("/mcp", json=ping, headers=strange | named)).status_code == 404
        assert (await http.delete("/mcp", headers=strange | named)).status_code == 404
        assert (await http.delete("/mcp", headers=own | named)).status_code == 200
        assert (await http.post("/mcp", json=ping, headers=own | named)).status_code == 404
        assert (await http.put("/mcp", headers=own)).status_code == 405
