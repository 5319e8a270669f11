"""The store over real servers: TCP, TLS, passwords, a dead one, a cluster."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import TypeVar

import pytest
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError

from reddit_mcp.errors import Forbidden, Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage import Store, open_store
from reddit_mcp.storage.watches.watch_store import WatchStore
from tests.support import redis_cluster
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import (
    a_watch,
    answering,
    assert_no_leaks,
    command,
    free_port,
    matching,
    redis_at,
    running_server,
)
from tests.support.tls_listener import tls_in_front

PREFIX = "reddit_mcp:"
T = TypeVar("T")


def opened(url: str, timeout: float = 5.0) -> AbstractAsyncContextManager[Store]:
    return open_store(Settings.model_validate({"redis_url": url, "redis_timeout": timeout}))


async def refusal(store: Store) -> BaseException | None:
    """Of a command: what it met, None where it was not even tried."""
    with pytest.raises(Unavailable) as caught:
        await store.ping()
    assert caught.value.data["reason"] == "store_away"
    assert "hush" not in f"{caught.value} {caught.value.data} {caught.value.__cause__}"
    return caught.value.__cause__


async def use(store: Store) -> None:
    watches, watch = WatchStore(store), a_watch()
    await watches.create(watch, limit=1)
    with pytest.raises(Forbidden):
        await watches.create(a_watch(), limit=1)
    paused = await watches.set_status(watch.owner, watch.watch_id, "paused")
    assert await watches.list(watch.owner) == (paused,)


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """A server with the ACL user ann and the password p@ss:hush for our keys alone."""
    port = free_port()
    rights = ("ann", "on", ">p@ss:hush", f"~{PREFIX}*", "+@all", "-info")
    options = ("--port", str(port), "--bind", "127.0.0.1", "--requirepass", "top", "--user", *rights)
    async with running_server(tmp_path, *options):
        await answering(f"redis://:top@127.0.0.1:{port}")
        yield port


async def test_acl_user_and_password(port: int) -> None:
    async with opened(f"redis://ann:p%40ss%3Ahush@127.0.0.1:{port}") as store:
        await use(store)
        with pytest.raises(Unavailable) as caught:
            async with store.visit() as redis:
                await redis.get("somebody else's")
        assert caught.value.data["reason"] == "store_refused"
    async with redis_at(f"redis://:top@127.0.0.1:{port}") as redis:
        assert len(await matching(redis, "*")) == 1
        await assert_no_leaks(redis, PREFIX)


async def test_a_wrong_password_is_refused_without_showing_it(port: int) -> None:
    async with opened(f"redis://ann:hush@127.0.0.1:{port}") as store:
        await refusal(store)


async def test_creates_at_once_from_several_stores_respect_the_limit(port: int) -> None:
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(opened(f"redis://:top@127.0.0.1:{port}")) for _ in range(4)]
        calls = [WatchStore(store).create(a_watch(), limit=3) for store in stores for _ in range(5)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(outcome is None for outcome in outcomes) == 3
        assert sum(isinstance(outcome, Forbidden) for outcome in outcomes) == 17


async def test_two_hundred_visits_share_twenty_connections(port: int) -> None:
    async with opened(f"redis://:top@127.0.0.1:{port}") as store:

        async def visit() -> int:
            async with store.visit() as redis:
                return len(await redis.client_list())

        assert max(await asyncio.gather(*(visit() for _ in range(200)))) <= 20


async def test_a_refused_port_fails_at_once_and_then_at_the_door() -> None:
    async with opened(f"redis://ann:hush@127.0.0.1:{free_port()}") as store:
        assert isinstance(await refusal(store), RedisConnectionError)
        assert await refusal(store) is None


async def test_a_silent_server_costs_the_timeout() -> None:
    async def listen(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silence.wait()
        writer.close()

    silence = asyncio.Event()
    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, opened(f"redis://ann:hush@127.0.0.1:{port}", 1.0) as store:
        assert isinstance(await refusal(store), TimeoutError)
        assert await refusal(store) is None
        silence.set()


async def test_a_restarted_server_is_found_again(tmp_path: Path) -> None:
    port = free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes")
    async with opened(f"redis://127.0.0.1:{port}") as store:
        async with running_server(tmp_path, *options):
            await answering(f"redis://127.0.0.1:{port}")
            await use(store)
        await refusal(store)
        async with running_server(tmp_path, *options):
            await answering(f"redis://127.0.0.1:{port}")
            assert len(await eventually(lambda: WatchStore(store).list("ada"))) == 1


async def eventually(call: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await call()
            except Unavailable:
                await asyncio.sleep(0.05)


@pytest.mark.skipif(redis_cluster.wanted(), reason="the TLS listener of this test stands before one server")
async def test_tls_with_a_trusted_certificate(port: int, tmp_path: Path) -> None:
    async with tls_in_front(port, tmp_path) as (secure, certificate):
        user = f"rediss://ann:p%40ss%3Ahush@127.0.0.1:{secure}"
        async with opened(f"{user}?ssl_ca_certs={certificate}") as store:
            await use(store)
        async with opened(user) as store:
            await refusal(store)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[list[tuple[int, int]]]:
    """Two nodes that share the slots: port and process id of each."""
    async with AsyncExitStack() as stack:
        nodes = []
        for number in range(2):
            port, folder = free_port(), tmp_path / str(number)
            folder.mkdir()
            options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--bind", "127.0.0.1")
            server = await stack.enter_async_context(running_server(folder, "--port", str(port), *options))
            await answering(f"redis://127.0.0.1:{port}")
            nodes.append((port, server.pid))
        one, other = [await stack.enter_async_context(Redis(port=port)) for port, _ in nodes]
        await join(one, other)
        yield nodes


async def join(one: Redis, other: Redis) -> None:
    await command(one, "CLUSTER ADDSLOTSRANGE", 0, 8191)
    await command(other, "CLUSTER ADDSLOTSRANGE", 8192, 16383)
    config = await other.config_get("*port")
    await command(one, "CLUSTER MEET", "127.0.0.1", str(config["port"]), str(config["cluster-port"]))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all([await is_whole(node) for node in (one, other)]):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.05)


async def is_whole(node: Redis) -> bool:
    state = await command(node, "CLUSTER INFO")
    return bool(state["cluster_state"] == "ok" and state["cluster_slots_assigned"] == "16384")


async def test_a_cluster_is_found_out_and_used(cluster: list[tuple[int, int]]) -> None:
    (port, _), (_, paused) = cluster
    async with opened(f"redis://127.0.0.1:{port}", 1.0) as store:
        watches = WatchStore(store)
        owned = {owner: a_watch(owner) for owner in "abcdefgh"}
        await asyncio.gather(*(watches.create(watch, limit=1) for watch in owned.values()))
        for owner, watch in owned.items():
            assert await watches.list(owner) == (watch,)
            assert (await watches.set_status(owner, watch.watch_id, "paused")).status == "paused"
        sizes = [await size(port) for port, _ in cluster]
        assert sum(sizes) == 8
        assert all(sizes)
        async with store.visit() as redis:
            assert isinstance(redis, RedisCluster)
        os.kill(paused, signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable):
                await asyncio.gather(*(watches.list(owner) for owner in owned))
        finally:
            os.kill(paused, signal.SIGCONT)
        for owner in owned:
            assert len(await eventually(lambda owner=owner: watches.list(owner))) == 1


async def size(port: int) -> int:
    async with Redis(port=port) as redis:
        return int(await redis.dbsize())
