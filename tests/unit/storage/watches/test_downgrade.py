"""Watches of an owner whose tier has become smaller."""

from collections.abc import AsyncIterator

import pytest

from reddit_mcp.errors import Forbidden, NotFound
from reddit_mcp.models import Watch
from reddit_mcp.storage.watches.watch_store import WatchStore
from tests.support.redis_store import a_watch, fake_store


@pytest.fixture
async def watches() -> AsyncIterator[WatchStore]:
    async with fake_store() as store:
        yield WatchStore(store)


async def made(watches: WatchStore, number: int, interval: int = 5) -> list[Watch]:
    each = [a_watch(created_utc=index, check_interval=interval) for index in range(number)]
    for watch in each:
        await watches.create(watch, limit=number)
    return each


async def test_the_newest_beyond_the_limit_pause_and_say_why(watches: WatchStore) -> None:
    each = await made(watches, 5)
    await watches.fit("ada", 3, 5)
    now = await watches.list("ada")
    assert [watch.status for watch in now] == ["active"] * 3 + ["paused"] * 2
    assert "Your plan allows 3 active" in (now[3].pause_reason or "")
    await watches.fit("ada", 3, 5)
    assert await watches.list("ada") == now
    with pytest.raises(Forbidden, match="allows 3 active"):
        await watches.resume("ada", each[4].watch_id, 3)
    await watches.set_status("ada", each[0].watch_id, "paused")
    assert (await watches.resume("ada", each[4].watch_id, 3)).pause_reason is None


async def test_intervals_become_as_long_as_the_tier_asks(watches: WatchStore) -> None:
    await made(watches, 2, interval=10)
    await watches.fit("ada", 5, 30)
    assert [watch.check_interval for watch in await watches.list("ada")] == [30, 30]
    await watches.fit("ada", 5, 5)
    assert [watch.check_interval for watch in await watches.list("ada")] == [30, 30]


async def test_resuming_tells_nothing_of_somebody_elses(watches: WatchStore) -> None:
    (watch,) = await made(watches, 1)
    for limit in (0, 1):
        with pytest.raises(NotFound):
            await watches.resume("bob", watch.watch_id, limit)
    assert (await watches.resume("ada", watch.watch_id, 1)).status == "active"
