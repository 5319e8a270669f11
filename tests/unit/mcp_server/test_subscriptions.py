"""Who is told that a watch changed, within one process."""

import asyncio
from typing import Any

import pytest
from fakeredis import FakeServer
from mcp import Client
from mcp.client.subscriptions import ResourceUpdated
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceUpdatedNotification

from reddit_mcp.mcp_server import subscriptions
from reddit_mcp.mcp_server.server import RedditServer
from reddit_mcp.mcp_server.subscriptions import MOST_STREAMS, PREFIX, Bus
from reddit_mcp.models import LOCAL, Watch
from reddit_mcp.storage.watches.watch_store import WatchStore
from tests.support.asgi_requests import server
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import a_watch, fake_store, until

pytestmark = pytest.mark.filterwarnings("ignore:resources/:mcp.shared.exceptions.MCPDeprecationWarning")


class Ours:
    """A server in this process with one watch, and the store below it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.redis = FakeServer()
        monkeypatch.setattr("tests.support.asgi_requests.fake_store", lambda: fake_store(self.redis))
        self.mcp: RedditServer = server()
        self.watches = WatchStore(fake_store(self.redis))

    async def watch(self) -> Watch:
        made = a_watch(LOCAL.id)
        await self.watches.create(made, limit=1000)
        return made


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Ours:
    return Ours(monkeypatch)


async def test_missed_notices_are_made_good_once_when_the_store_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "QUIET_SECONDS", 0.05)
    bus, told = Bus(), list[object]()
    leave = bus.subscribe(told.append)
    bus.join(["reddit://watches/a", "reddit://watches/b"])
    bus.leave(["reddit://watches/b"])
    for _ in range(5):
        bus.heard(None)
    bus.heard("c")
    assert told == [ResourceUpdated(PREFIX + "c")]
    await until(lambda: len(told) > 1)
    assert told[1:] == [ResourceUpdated(PREFIX + "a")]
    leave()
    bus.heard("a")
    assert len(told) == 2


async def test_streams_of_one_caller_are_bounded_and_ended_ones_do_not_count(
    ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "MOST_STREAMS", 1)
    watch = await ours.watch()
    uri = PREFIX + watch.watch_id
    async with Client(ours.mcp) as client:
        async with client.listen(resource_subscriptions=[uri]):
            with pytest.raises(MCPError, match="streams open"):
                await _listen(client, uri)
        await _listen_when_free(client, uri)
    assert MOST_STREAMS > 1


async def test_what_is_no_resource_is_honored_as_the_protocol_says(ours: Ours) -> None:
    async with Client(ours.mcp) as client, client.listen(tools_list_changed=True) as stream:
        assert stream.honored.tools_list_changed
        assert not stream.honored.resource_subscriptions


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_without_the_store_it_says_so(ours: Ours, mode: Any) -> None:
    uri = PREFIX + (await ours.watch()).watch_id
    async with Client(ours.mcp, mode=mode) as client:
        ours.redis.connected = False
        with pytest.raises(MCPError, match="store does not answer") as caught:
            await (_listen(client, uri) if mode == "auto" else client.subscribe_resource(uri))
    assert caught.value.error.code == -32005


async def test_a_closed_connection_is_told_nothing_more(ours: Ours) -> None:
    heard: list[str] = []

    async def note(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            heard.append(str(message.params.uri))

    watch = await ours.watch()
    async with Client(ours.mcp, mode="legacy", message_handler=note) as client:
        await client.subscribe_resource(PREFIX + watch.watch_id)
        await client.unsubscribe_resource(PREFIX + "never")
        ours.mcp.bus.heard(watch.watch_id)
        await until(lambda: bool(heard))
        assert ours.mcp.bus.listened
    await until(lambda: not ours.mcp.bus.listened)
    ours.mcp.bus.heard(watch.watch_id)
    assert heard == [PREFIX + watch.watch_id]


async def _listen(client: Client, uri: str) -> None:
    async with client.listen(resource_subscriptions=[uri]):
        pass


async def _listen_when_free(client: Client, uri: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await _listen(client, uri)
            except MCPError:
                await asyncio.sleep(0.01)
