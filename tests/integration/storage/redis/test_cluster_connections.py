"""The connections of one process to a Redis Cluster: how many, and as whom."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from pydantic import SecretStr
from redis.asyncio import Redis

from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage import open_store
from reddit_mcp.storage.redis.connection import MAX_CONNECTIONS
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.storage.watches.watch_store import WatchStore
from tests.support.redis_cluster import cluster
from tests.support.redis_cluster import nodes as nodes  # noqa: PLC0414 - fixtures
from tests.support.redis_store import command
from tests.support.request_budget import becomes
from tests.support.tls_listener import tls_in_front


async def test_a_process_has_twenty_connections_at_most(nodes: tuple[str, ...]) -> None:
    settings = Settings(_env_file=None, redis_url=SecretStr(f"{nodes[0]}?client_name=counted"), redis_timeout=5)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings))
        await stack.enter_async_context(PubSub(store))
        watchers = [await stack.enter_async_context(Redis.from_url(node)) for node in nodes]

        async def busy(number: int) -> None:
            for turn in range(30):
                async with store.visit() as redis:  # a pipeline goes to all nodes at once
                    pipeline = redis.pipeline(transaction=False)
                    for key in range(6):
                        pipeline.set(f"reddit_mcp:busy:{number}:{turn}:{key}", "", ex=60)
                    assert await pipeline.execute() == [True] * 6
                await WatchStore(store).list(f"owner{number}")

        async def counted() -> int:
            lists = [await node.client_list() for node in watchers]
            return sum(each["name"] == "counted" for clients in lists for each in clients)

        work = asyncio.gather(*(busy(number) for number in range(60)))
        most = 0
        while not work.done():
            most = max(most, await counted())
            await asyncio.sleep(0)
        await work
    assert len(nodes) < most <= MAX_CONNECTIONS


async def test_a_user_with_few_rights(nodes: tuple[str, ...]) -> None:
    rights = {"-info": None, "-cluster": "store_away"}
    for number, (right, reason) in enumerate(rights.items()):
        for node in nodes:
            async with Redis.from_url(node) as redis:
                await redis.execute_command("ACL SETUSER", f"user{number}", "on", ">hush", "~*", "+@all", right)  # type: ignore[no-untyped-call]
        url = nodes[0].replace("//", f"//user{number}:hush@")
        async with open_store(Settings(_env_file=None, redis_url=SecretStr(url))) as store:
            assert await outcome_of(WatchStore(store)) == reason


async def test_tls_and_a_user_with_a_password(tmp_path: Path) -> None:
    with cluster(tmp_path) as urls:
        async with AsyncExitStack() as stack:
            nodes = [await stack.enter_async_context(Redis.from_url(url)) for url in urls]
            ports = []
            for node, url in zip(nodes, urls, strict=True):
                plain = int(url.rpartition(":")[2])
                secure, certificate = await stack.enter_async_context(tls_in_front(plain, tmp_path))
                await node.config_set("cluster-announce-port", secure)
                await command(node, "ACL", "SETUSER", "ann", "on", ">p@ss:hush", "~reddit_mcp:*", "&*", "+@all")
                ports.append(secure)
            await becomes(lambda: announced(nodes, ports))
            user = f"rediss://ann:{{}}@127.0.0.1:{ports[0]}?ssl_ca_certs={certificate}"
            assert await outcome_at(user.format("p%40ss%3Ahush")) is None
            assert await outcome_at(user.format("wrong")) == "store_away"
            assert await outcome_at(user.format("p%40ss%3Ahush").partition("?")[0]) == "store_away"


async def announced(nodes: list[Redis], ports: list[int]) -> bool:
    """Whether every node sends clients to these ports."""
    tables = [await command(node, "CLUSTER", "SLOTS") for node in nodes]
    return all({owner[1] for _, _, owner, *_ in table} == set(ports) for table in tables)


async def outcome_at(url: str) -> str | None:
    async with open_store(Settings(_env_file=None, redis_url=SecretStr(url), redis_timeout=2)) as store:
        return await outcome_of(WatchStore(store))


async def outcome_of(watches: WatchStore) -> str | None:
    """Why the watches of several owners, who are at home on different nodes, cannot be read."""
    try:
        assert [await watches.list(owner) for owner in "abcdef"] == [()] * 6
    except Unavailable as failure:
        return str(failure.data["reason"])
    return None
