"""The short way of scripts over a connection of redis-py's own pool, on a real server."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.redis.connection import MAX_CONNECTIONS, Store, connect
from reddit_mcp.storage.redis.lua_scripts import Script
from tests.support import redis_cluster
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import answering, free_port, running_server, until

pytestmark = pytest.mark.skipif(redis_cluster.wanted(), reason="a cluster's scripts go the client's way")

TIMEOUT = 2.0
ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
ECHO = Script("return {ARGV[1], ARGV[2], ARGV[3], false, 'end'}")
BROKEN = Script("return redis.call('HGET', KEYS[1], 'field')")


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    port = free_port()
    async with running_server(tmp_path, "--port", str(port), "--bind", "127.0.0.1") as process:
        await answering(f"redis://127.0.0.1:{port}")
        yield port, process


@pytest.fixture
async def redis(running: tuple[int, asyncio.subprocess.Process]) -> AsyncIterator[Redis]:
    async with connect(f"redis://127.0.0.1:{running[0]}", timeout=TIMEOUT) as redis:
        yield redis


@pytest.fixture
def store(redis: Redis) -> Store:
    return Store(redis, prefix="test:", timeout=TIMEOUT)


async def add(store: Store, number: int) -> int:
    async with store.visit() as redis:
        return int(await ADD.run(redis, ["test:sum"], [number]))


async def test_a_script_runs_whether_known_or_not(store: Store, redis: Redis) -> None:
    assert await add(store, 2) == 2
    assert await redis.script_exists(ADD.sha) == [True]
    await redis.script_flush()
    assert await add(store, 3) == 5


async def test_arguments_and_answers_of_every_kind_pass_unchanged(store: Store) -> None:
    async with store.visit() as redis:
        found = await ECHO.run(redis, ["test:x"], ["ü\r\n", b"\xff\x00", 1.5])
    assert found == ["ü\r\n".encode(), b"\xff\x00", b"1.5", None, b"end"]


async def test_a_refused_script_leaves_the_connection_usable(store: Store, redis: Redis) -> None:
    assert await add(store, 1) == 1
    with pytest.raises(Unavailable) as caught:
        async with store.visit() as lent:
            await BROKEN.run(lent, ["test:sum"], [])
    assert caught.value.data["reason"] == "store_refused"
    assert await add(store, 1) == 2
    assert len(redis.connection_pool._available_connections) == 1


async def test_more_at_once_than_connections(store: Store, redis: Redis) -> None:
    found = await asyncio.gather(*(add(store, 1) for _ in range(5 * MAX_CONNECTIONS)))
    assert sorted(found) == list(range(1, 5 * MAX_CONNECTIONS + 1))
    pool = redis.connection_pool
    assert not pool._in_use_connections
    assert len(pool._available_connections) <= MAX_CONNECTIONS


async def test_a_silent_server_costs_the_visit_s_timeout_and_no_answer_goes_to_another(
    store: Store, redis: Redis, running: tuple[int, asyncio.subprocess.Process]
) -> None:
    assert await add(store, 1) == 1
    os.kill(running[1].pid, signal.SIGSTOP)
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(Unavailable):
        await add(store, 10)
    assert loop.time() - started >= TIMEOUT
    os.kill(running[1].pid, signal.SIGCONT)
    assert not redis.connection_pool._in_use_connections
    recovered: list[int] = []

    async def again() -> None:
        while not recovered:
            try:
                recovered.append(await add(store, 100))
            except Unavailable:
                await asyncio.sleep(0.05)

    await asyncio.wait_for(again(), PATIENCE_SECONDS)
    assert recovered in ([101], [111])  # the one given up may have been counted; its answer is nobody's


async def test_a_connection_that_the_server_closed_is_opened_again(
    store: Store, redis: Redis, running: tuple[int, asyncio.subprocess.Process]
) -> None:
    assert await add(store, 1) == 1
    (connection,) = redis.connection_pool._available_connections
    async with connect(f"redis://127.0.0.1:{running[0]}", timeout=TIMEOUT) as other:
        await other.client_kill_filter(_type="normal", skipme=True)
    await until(lambda: connection._reader is None or connection._reader.at_eof())
    assert await add(store, 1) == 2


async def test_the_client_s_own_commands_keep_their_timeout(store: Store, redis: Redis) -> None:
    await add(store, 1)
    (connection,) = redis.connection_pool._available_connections
    assert connection.socket_timeout == TIMEOUT
