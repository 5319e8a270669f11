"""Windows of counts: merged over replicas, kept while Redis is away, bounded in number and size."""

from collections import Counter
from typing import Any
from unittest.mock import patch

import pytest
from fakeredis import FakeServer
from redis.exceptions import ConnectionError as RedisConnectionError

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.accounting import call_windows as module
from reddit_mcp.storage.accounting.call_windows import KEPT_WINDOWS, WINDOW_SECONDS, CallWindows
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.lua_scripts import Script
from tests.support.clocks import Clock
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414

START = 1_800_000_000


def all_of(counts: Counter[str]) -> Counter[str]:
    return counts


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def replicas(store: Store, clock: Clock) -> list[CallWindows]:
    return [CallWindows(store, all_of, clock) for _ in range(3)]


def note(windows: CallWindows, caller: str = "ada", **counts: int) -> None:
    windows.current(caller).update(counts)


async def test_replicas_add_up(replicas: list[CallWindows], clock: Clock) -> None:
    for number, windows in enumerate(replicas):
        note(windows, f"caller {number}", calls=number + 1)
        note(windows, "all", ms=1)
    for windows in replicas:
        await windows.flush()
    for windows in replicas:
        assert await windows.windows() == {START: {"calls": 6, "ms": 3}}
        assert await windows.days() == {"calls": 6, "ms": 3}
        assert await windows.callers(300) == 4
        assert windows.own_callers(300) == 2
    clock.now += 301
    assert await replicas[0].callers(300) == 0
    assert await replicas[0].callers(302) == 4


async def test_what_is_counted_later_is_seen_by_others(replicas: list[CallWindows], clock: Clock) -> None:
    first, second, _ = replicas
    for number in range(4):
        note(first, calls=1)
        await first.flush()
        assert sum(counts["calls"] for counts in (await second.windows()).values()) == number + 1
        clock.now += WINDOW_SECONDS
    note(first, calls=5)
    await first.flush()
    assert (await second.windows())[START + 4 * WINDOW_SECONDS] == {"calls": 5}


async def test_a_day_is_kept(replicas: list[CallWindows], clock: Clock) -> None:
    windows = replicas[0]
    for _ in range(KEPT_WINDOWS + 10):
        note(windows, calls=1)
        await windows.flush()
        clock.now += WINDOW_SECONDS
    found = await replicas[1].windows()
    assert len(found) == KEPT_WINDOWS
    assert min(found) == clock.now - KEPT_WINDOWS * WINDOW_SECONDS
    assert len(windows._own) <= KEPT_WINDOWS + 1
    assert await windows.days() == {"calls": KEPT_WINDOWS + 10}


async def test_every_key_ends(replicas: list[CallWindows], store: Store) -> None:
    note(replicas[0], calls=1)
    await replicas[0].flush()
    async with store.visit() as redis:
        found: list[Any] = await redis.keys("*")
        lives = {key.decode().split(":")[1]: await redis.ttl(key) for key in found}
    assert lives == {"stats": 25 * 3600, "stats-day": 31 * 86_400, "stats-callers": 25 * 3600}


async def test_redis_away_leaves_this_process(
    replicas: list[CallWindows], server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reddit_mcp.storage.redis.connection.AWAY_SECONDS", 0.0)
    first, second, _ = replicas
    note(second, calls=10)
    await second.flush()
    server.connected = False
    note(first, calls=1)
    assert await first.windows() == {START: {"calls": 1}}
    assert await first.days() == {"calls": 1}
    assert await first.callers(300) == 1
    server.connected = True
    note(first, calls=1)
    await first.windows()
    await first.flush()
    assert await first.windows() == {START: {"calls": 12}}
    assert await second.days() == {"calls": 12}


async def test_a_batch_whose_answer_was_lost_counts_once(replicas: list[CallWindows]) -> None:
    run, windows = Script.run, replicas[0]

    async def deaf(*arguments: Any) -> None:
        await run(*arguments)
        raise RedisConnectionError("the line broke")

    note(windows, calls=1)
    with patch.object(Script, "run", deaf), pytest.raises(Unavailable):
        await windows.flush()
    note(windows, calls=1)
    with patch("reddit_mcp.storage.redis.connection.time.monotonic", lambda: float("inf")):
        await windows.flush()
        await windows.flush()
        assert await windows.windows() == {START: {"calls": 2}}
        assert await windows.days() == {"calls": 2}


async def test_the_rest_is_written_in_the_end(store: Store, clock: Clock) -> None:
    async with CallWindows(store, all_of, clock) as windows:
        note(windows, calls=3)
    assert await CallWindows(store, all_of, clock).windows() == {START: {"calls": 3}}


async def test_callers_are_bounded(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CALLERS", 5)
    windows = [CallWindows(store, all_of, clock) for _ in range(2)]
    for number, each in enumerate(windows):
        for caller in range(8):
            note(each, f"{number}:{caller}", calls=1)
        assert each.own_callers(300) == 5
        await each.flush()
        clock.now += 1
    assert await windows[0].callers(300) == 5
    clock.now += 25 * 3600
    note(windows[0], "new", calls=1)
    assert windows[0].own_callers(86_400) == 1
