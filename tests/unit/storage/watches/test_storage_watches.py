import asyncio
import re

import pytest
from fakeredis import FakeRedis, FakeServer

from reddit_mcp.errors import Forbidden, NotFound, Unavailable
from reddit_mcp.models import Watch
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import WATCHES
from reddit_mcp.storage.watches.watch_store import WatchStore, new_watch_id
from tests.support.redis_store import PREFIX, a_watch
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414


@pytest.fixture
def watches(store: Store) -> WatchStore:
    return WatchStore(store)


async def created(watches: WatchStore, owner: str = "ada", **fields: object) -> Watch:
    watch = a_watch(owner, **fields)
    await watches.create(watch, limit=10)
    return watch


def test_ids_are_short_and_random() -> None:
    ids = {new_watch_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[A-Za-z0-9_-]{12}", watch_id) for watch_id in ids)


async def test_a_watch_comes_back_as_it_was(watches: WatchStore) -> None:
    watch = await created(watches, subreddits=("python",), webhook_url="https://example.com/é", matches=3)
    assert await watches.get("ada", watch.watch_id) == watch
    assert await watches.list("ada") == (watch,)


async def test_the_oldest_is_listed_first(watches: WatchStore) -> None:
    times = (30, 10, 20)
    for created_utc in times:
        await created(watches, created_utc=created_utc)
    assert [watch.created_utc for watch in await watches.list("ada")] == sorted(times)


async def test_the_limit_holds(watches: WatchStore) -> None:
    first = a_watch()
    await watches.create(first, limit=1)
    with pytest.raises(Forbidden, match="allows one keyword watch and you have it"):
        await watches.create(a_watch(), limit=1)
    with pytest.raises(Forbidden, match="allows no keyword watches"):
        await watches.create(a_watch("eve"), limit=0)
    await watches.create(a_watch("bob"), limit=1)
    await watches.delete("ada", first.watch_id)
    await watches.create(a_watch(), limit=1)


async def test_the_limit_holds_for_creates_at_once(watches: WatchStore) -> None:
    outcomes = await asyncio.gather(*(watches.create(a_watch(), limit=3) for _ in range(10)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 3
    assert sum(isinstance(outcome, Forbidden) for outcome in outcomes) == 7
    assert len(await watches.list("ada")) == 3


async def test_pause_and_resume(watches: WatchStore) -> None:
    watch = await created(watches)
    paused = await watches.set_status("ada", watch.watch_id, "paused")
    assert paused == watch.model_copy(update={"status": "paused"})
    assert await watches.get("ada", watch.watch_id) == paused
    assert await watches.set_status("ada", watch.watch_id, "active") == watch


async def test_a_change_meanwhile_is_not_lost(watches: WatchStore, server: FakeServer) -> None:
    watch = await created(watches)
    seen: list[Watch] = []

    def pause(current: Watch) -> Watch:
        if not seen:  # somebody else is faster, once
            counted = current.model_copy(update={"matches": 7}).model_dump_json()
            FakeRedis(server=server).hset(WATCHES.key(PREFIX, "ada"), watch.watch_id, counted)
        seen.append(current)
        return current.model_copy(update={"status": "paused"})

    changed = await watches._change("ada", watch.watch_id, pause)
    assert (changed.matches, changed.status) == (7, "paused")
    assert await watches.get("ada", watch.watch_id) == changed
    assert [current.matches for current in seen] == [0, 7]


async def test_a_deleted_watch_is_gone(watches: WatchStore) -> None:
    watch = await created(watches)
    await watches.delete("ada", watch.watch_id)
    assert await watches.list("ada") == ()
    with pytest.raises(NotFound):
        await watches.get("ada", watch.watch_id)


async def test_another_s_watch_is_as_unknown_as_none(watches: WatchStore) -> None:
    watch = await created(watches, "ada")
    seen = set()
    for watch_id in (watch.watch_id, "unknown"):
        for call in (
            watches.get("bob", watch_id),
            watches.set_status("bob", watch_id, "paused"),
            watches.delete("bob", watch_id),
        ):
            with pytest.raises(NotFound) as caught:
                await call
            seen.add((str(caught.value), str(caught.value.data)))
    assert len(seen) == 1
    assert await watches.list("bob") == ()
    assert await watches.get("ada", watch.watch_id) == watch


@pytest.mark.parametrize("owner", ["", "}", "{", "a:b", "https://issuer|sub", "%", "日本"])
async def test_any_name_of_an_owner_works(watches: WatchStore, owner: str) -> None:
    watch = await created(watches, owner)
    assert await watches.list(owner) == (watch,)
    assert await watches.list(owner + "x") == ()


@pytest.mark.parametrize("stored", [b"", b"{}", b"\xff\xfe", b"[1]", b'{"watch_id": 5}'])
async def test_a_value_that_cannot_be_read_hinders_nothing(
    watches: WatchStore, server: FakeServer, stored: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    watch = await created(watches)
    FakeRedis(server=server).hset(WATCHES.key(PREFIX, "ada"), "broken", stored)
    assert await watches.list("ada") == (watch,)
    for call in (watches.get("ada", "broken"), watches.set_status("ada", "broken", "paused")):
        with pytest.raises(NotFound):
            await call
    assert "cannot be read" in caplog.text
    await watches.delete("ada", "broken")


async def test_without_redis_watches_are_unavailable(watches: WatchStore, server: FakeServer) -> None:
    server.connected = False
    with pytest.raises(Unavailable):
        await watches.list("ada")
