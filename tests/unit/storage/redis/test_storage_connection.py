import asyncio
from types import SimpleNamespace

import pytest
from fakeredis import FakeServer
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection

from reddit_mcp.errors import Forbidden, Unavailable
from reddit_mcp.storage.redis import connection
from reddit_mcp.storage.redis.connection import AWAY_SECONDS, MAX_CONNECTIONS, MAX_VISITORS, Store, connect
from tests.support.redis_store import assert_no_leaks, fake_store, until


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(connection, "time", SimpleNamespace(monotonic=self.read))

    def read(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def get(store: Store, key: str = "key") -> object:
    async with store.visit() as redis:
        return await redis.get(key)


async def refusal(store: Store) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await get(store)
    return caught.value


def test_url_with_tls_and_acl_user() -> None:
    pool = connect("rediss://ann:p%40ss@redis.example:7000/2", timeout=0.25).connection_pool
    assert pool.connection_class is SSLConnection
    wanted = {"username": "ann", "password": "p@ss", "host": "redis.example", "port": 7000, "db": 2}
    assert wanted.items() <= pool.connection_kwargs.items()


def test_url_of_a_unix_socket() -> None:
    pool = connect("unix:///run/a%20b/s", timeout=0.25).connection_pool
    assert pool.connection_class is UnixDomainSocketConnection
    assert pool.connection_kwargs["path"] == "/run/a b/s"


def test_connections_are_limited_and_commands_tried_once() -> None:
    pool = connect("redis://localhost", timeout=0.25).connection_pool
    assert pool.max_connections == MAX_CONNECTIONS == 20
    assert pool.connection_kwargs["retry"].get_retries() == 0
    assert pool.connection_kwargs["socket_timeout"] == pool.connection_kwargs["socket_connect_timeout"] == 0.25


def test_other_schemes_are_refused() -> None:
    with pytest.raises(ValueError, match="scheme"):
        connect("http://localhost", timeout=0.25)


async def test_values_are_bytes() -> None:
    async with fake_store() as store:
        async with store.visit() as redis:
            await redis.set("key", b"\xff\x00")
        assert await get(store) == b"\xff\x00"


async def test_ping_measures() -> None:
    async with fake_store() as store:
        assert 0 < await store.ping() < 5


async def test_away_is_told_without_details() -> None:
    server = FakeServer()
    server.connected = False
    async with fake_store(server) as store:
        error = await refusal(store)
    assert error.data == {"service": "redis", "reason": "store_away", "retry_after_seconds": AWAY_SECONDS}
    assert error.__cause__ is not None


async def test_away_is_remembered_for_a_second(clock: Clock) -> None:
    server = FakeServer()
    server.connected = False
    async with fake_store(server) as store:
        await refusal(store)
        server.connected = True
        clock.now += AWAY_SECONDS / 2
        assert (await refusal(store)).__cause__ is None  # refused at the door
        clock.now += AWAY_SECONDS
        assert await get(store) is None
        assert await get(store) is None


async def test_one_visitor_tries_again_for_all(clock: Clock) -> None:
    server = FakeServer()
    server.connected = False
    async with fake_store(server) as store:
        await refusal(store)
        server.connected = True
        clock.now += AWAY_SECONDS
        async with store.visit() as redis:
            assert (await refusal(store)).__cause__ is None
            await redis.ping()
        assert await get(store) is None


async def test_a_silent_redis_costs_the_timeout() -> None:
    async with fake_store(timeout=0.05) as store:
        with pytest.raises(Unavailable) as caught:
            async with store.visit():
                await asyncio.Event().wait()
    assert caught.value.data["reason"] == "store_away"


async def test_a_refused_command_is_not_away() -> None:
    async with fake_store() as store:
        async with store.visit() as redis:
            await redis.set("key", "text")
        with pytest.raises(Unavailable) as caught:
            async with store.visit() as redis:
                await redis.hget("key", "field")
        assert caught.value.data["reason"] == "store_refused"
        assert await get(store) == b"text"


async def test_the_visitor_s_own_failure_passes() -> None:
    async with fake_store() as store:
        with pytest.raises(Forbidden):
            async with store.visit():
                raise Forbidden("no")
        assert await get(store) is None


async def test_a_connection_that_another_task_closed_is_away() -> None:
    async with fake_store() as store:
        with pytest.raises(Unavailable) as caught:
            await send_by_a_closed_connection(store)
        assert caught.value.data["reason"] == "store_away"


async def send_by_a_closed_connection(store: Store) -> None:
    async with store.visit() as redis:
        connection = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        await connection.disconnect()
        await connection._send_packed_command([b"PING"])


async def test_an_error_of_the_program_passes() -> None:
    async with fake_store() as store:
        with pytest.raises(AttributeError):
            async with store.visit() as redis:
                await redis.writelines()  # type: ignore[attr-defined]


async def test_visitors_beyond_the_limit_wait() -> None:
    async with fake_store() as store:
        leave, inside = asyncio.Event(), []

        async def stay(number: int) -> None:
            async with store.visit():
                inside.append(number)
                await leave.wait()

        async with asyncio.TaskGroup() as group:
            for number in range(MAX_VISITORS + 1):
                group.create_task(stay(number))
            await until(lambda: len(inside) == MAX_VISITORS)
            await asyncio.sleep(0)
            assert len(inside) == MAX_VISITORS
            leave.set()
        assert len(inside) == MAX_VISITORS + 1


async def test_leaks_are_found() -> None:
    async with fake_store() as store, store.visit() as redis:
        await redis.set("test:watches:{ada}", "kept")
        await redis.set("test:cache:1", "gone soon", ex=9)
        await redis.set("other:1", "not ours")
        await assert_no_leaks(redis, "test:")
        await redis.set("test:cache:2", "for ever")
        with pytest.raises(AssertionError, match="test:cache:2"):
            await assert_no_leaks(redis, "test:")
