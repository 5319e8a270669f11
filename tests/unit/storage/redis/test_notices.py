import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.redis import connection, pubsub
from reddit_mcp.storage.redis.pubsub import PubSub
from tests.support.redis_store import fake_store, until


async def test_a_notice_reaches_the_listeners_of_its_topic_in_every_process() -> None:
    server = FakeServer()
    async with fake_store(server) as here, fake_store(server) as there, PubSub(here) as ours, PubSub(there) as theirs:
        first: list[str | None] = []
        second: list[str | None] = []
        other: list[str | None] = []
        ours.on("keys", first.append)
        theirs.on("keys", second.append)
        theirs.on("purges", other.append)
        await until(lambda: first[:1] == [None] == second[:1])  # a new subscription may have missed some
        await ours.send("keys", "a b")
        await ours.send("unheard", "of")
        await until(lambda: first[-1] == "a b" == second[-1])
    assert other == [None]


async def test_a_lost_subscription_is_told_and_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "AWAY_SECONDS", 0.0)
    monkeypatch.setattr(pubsub, "_RECONNECT_SECONDS", 0.01)
    monkeypatch.setattr(pubsub, "_PATIENCE", 0.01)
    server = FakeServer()
    async with fake_store(server) as store, PubSub(store) as ours:
        heard: list[str | None] = []
        ours.on("keys", heard.append)
        await until(lambda: heard == [None])
        server.connected = False
        await until(lambda: len(heard) > 3)
        with pytest.raises(Unavailable):
            await ours.send("keys", "x")
        server.connected = True
        seen = len(heard)
        await until(lambda: len(heard) > seen)
        await ours.send("keys", "back")
        await until(lambda: heard[-1] == "back")


async def test_sending_needs_no_listening() -> None:
    async with fake_store() as store:
        await PubSub(store).send("keys", "x")
