"""What the tests of the store share: servers to talk to, processes that use a store, a check for leaked keys."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self, cast

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError

from reddit_mcp.models import Watch
from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.storage.redis.keyspace import may_stay
from reddit_mcp.storage.redis.store_files import find_server
from reddit_mcp.storage.watches.watch_store import new_watch_id
from tests.support import redis_cluster
from tests.support.patience import PATIENCE_SECONDS

PREFIX = "test:"


def fake_store(server: FakeServer | None = None, *, timeout: float = 5.0) -> Store:
    return Store(FakeAsyncRedis(server=server or FakeServer(), protocol=2), prefix=PREFIX, timeout=timeout)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
async def store(server: FakeServer) -> AsyncIterator[Store]:
    async with fake_store(server) as store:
        yield store
        if server.connected:
            async with store.visit() as redis:
                await assert_no_leaks(redis, PREFIX)


def a_watch(owner: str = "ada", **fields: object) -> Watch:
    return Watch.model_validate(
        {"watch_id": new_watch_id(), "owner": owner, "keywords": ["lua"], "created_utc": 1} | fields
    )


async def assert_no_leaks(redis: Redis, prefix: str) -> None:
    """Fail if a key under the prefix would live for ever without being of a kind that may."""
    async for raw in redis.scan_iter(match=f"{prefix}*"):
        key = raw.decode()
        assert await redis.ttl(key) != -1 or may_stay(key, prefix), f"{key} has no expiry"


async def until(condition: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.01)


def free_port() -> int:
    """A port that nobody has, below those that the system gives to outgoing connections of other tests."""
    if redis_cluster.wanted():
        return int(redis_cluster.free_ports(1)[0])
    while True:
        with contextlib.suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", random.randrange(10_000, 32_000)))
            return int(found.getsockname()[1])


@asynccontextmanager
async def running_server(folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server program of our own that outlives no test; the caller waits until it answers."""
    quiet = ("--save", "", "--loglevel", "warning", "--logfile", str(folder / "log"))
    with redis_cluster.beside(folder, *options) as more:
        server = await asyncio.create_subprocess_exec(find_server(), *quiet, *options, *more, cwd=folder)
        try:
            yield server
        finally:
            server.kill()
            await server.wait()


async def answering(url: str) -> None:
    async with connect(url, timeout=5.0) as redis, asyncio.timeout(PATIENCE_SECONDS):
        while not await _pong(redis):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    if redis_cluster.wanted():
        async with every_node(url) as nodes, asyncio.timeout(PATIENCE_SECONDS):
            while not all([await _pong(node) for node in nodes]):  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.01)


async def kill(url: str) -> None:
    """Kill the server, or each node of the cluster that stands in its place."""
    async with every_node(url) as nodes:
        processes = [int((await node.info("server"))["process_id"]) for node in nodes]
    for process in processes:
        os.kill(process, signal.SIGKILL)


@asynccontextmanager
async def redis_at(url: str) -> AsyncIterator[Redis]:
    """A client of the server, or of the cluster that stands in its place."""
    client = cast("Redis", RedisCluster.from_url(url)) if redis_cluster.wanted() else Redis.from_url(url)
    async with client:
        yield client


async def matching(redis: Redis, pattern: str) -> list[bytes]:
    """The keys of this pattern, on every node."""
    return [key async for key in redis.scan_iter(match=pattern)]


@asynccontextmanager
async def every_node(url: str) -> AsyncIterator[list[Redis]]:
    """A client of the server, or of each node of the cluster that stands in its place."""
    urls = [url]
    if redis_cluster.wanted():
        async with Redis.from_url(url) as redis:
            own = url.rpartition("@")[2].removeprefix("redis://")
            urls = [url.replace(own, address) for address in await redis.cluster("NODES")]
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Redis.from_url(each)) for each in urls]


async def _pong(redis: Redis) -> bool:
    try:
        state = await redis.cluster("INFO") if redis_cluster.wanted() else {}
        is_forming = state.get("cluster_known_nodes", "1") != "1" and state["cluster_state"] != "ok"
        return bool(await redis.ping()) and not is_forming
    except RedisError:
        return False


async def command(redis: Redis, *words: str | int) -> Any:
    """Run what redis-py has no typed method for."""
    return await redis.execute_command(*words)  # type: ignore[no-untyped-call]


def processes(data_dir: Path, program: str) -> list[int]:
    """The processes of a store, by where they work and what they run (Linux: proc(5))."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (entry / "cwd").readlink() == data_dir / "store" and program in (entry / "exe").readlink().name:
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def servers(data_dir: Path) -> list[int]:
    return processes(data_dir, "-server")


def guards(data_dir: Path) -> list[int]:
    return processes(data_dir, "python")


class User:
    """Another process that has the store of a data directory open."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, data_dir: Path) -> Self:
        program = Path(__file__).with_name("store_user.py")
        environment: Mapping[str, str] = {**os.environ, "DATA_DIR": str(data_dir), "REDIS_URL": ""}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(program), stdin=pipe, stdout=pipe, env=environment
        )
        user = cls(process)
        assert await user._line() == "ready"
        return user

    async def ask(self, command: str) -> str:
        assert self.process.stdin
        self.process.stdin.write(f"{command}\n".encode())
        return await self._line()

    async def leave(self) -> None:
        await self.process.communicate(b"")  # the end of its input
        assert self.process.returncode == 0

    async def kill(self) -> None:
        self.process.kill()
        await self.process.communicate()

    async def _line(self) -> str:
        assert self.process.stdout
        return (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_SECONDS)).decode().strip()
