"""The cache over real servers: two replicas, a server that hangs, dies and comes back, a cluster, the command."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from reddit_mcp.cli.admin.cache_command import purge
from reddit_mcp.errors import InvalidInput, Unavailable, UpstreamError
from reddit_mcp.settings import Settings
from reddit_mcp.storage import Store, open_store
from reddit_mcp.storage.redis.connection import MAX_CONNECTIONS
from reddit_mcp.upstream.cache.two_tier_cache import single
from tests.integration.storage.redis.test_storage_redis import cluster as cluster  # noqa: PLC0414 - a fixture
from tests.support.cache_layers import Layers, Upstream, layers, page, question, settled
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import answering, assert_no_leaks, every_node, free_port, running_server, until

QUERY = question(ttl=1000, tags=("subreddit:python",))
TIMEOUT = 1.0


def settings(port: int) -> Settings:
    return Settings.model_validate({"redis_url": f"redis://127.0.0.1:{port}", "redis_timeout": TIMEOUT})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[int, int]]:
    """A server's port and process id."""
    port = free_port()
    async with running_server(tmp_path, "--port", str(port), "--bind", "127.0.0.1") as process:
        await answering(f"redis://127.0.0.1:{port}")
        yield port, process.pid


@pytest.fixture
async def stores(server: tuple[int, int]) -> AsyncIterator[tuple[Store, Store]]:
    async with open_store(settings(server[0])) as one, open_store(settings(server[0])) as two:
        yield one, two
        async with one.visit() as redis:
            await assert_no_leaks(redis, one.prefix)


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)


async def listening(store: Store, url: str) -> None:
    channel = f"{store.prefix}notices"

    async def subscribed() -> bool:
        async with every_node(url) as nodes:
            return any([dict(await node.pubsub_numsub(channel))[channel.encode()] for node in nodes])

    await eventually(subscribed)


async def test_a_hundred_calls_on_two_replicas_are_one_request(stores: tuple[Store, Store]) -> None:
    upstream = Upstream()
    upstream.gate.clear()
    async with layers(stores[0], upstream, listening=True) as one, layers(stores[1], upstream, listening=True) as two:
        calls = [asyncio.create_task(replica.cache.fetch(QUERY)) for replica in (one, two) for _ in range(50)]
        await until(lambda: bool(upstream.asked))
        upstream.gate.set()
        answers = await asyncio.gather(*calls)
        assert len(upstream.asked) == 1
        assert [sum(answer.calls for answer in answers), {answer.value for answer in answers}] == [1, {page("n1")}]


async def test_many_different_calls_at_once_lose_no_answer(stores: tuple[Store, Store]) -> None:
    upstream = Upstream()
    queries = [question(f"/r/c{number}/hot", ttl=1000) for number in range(2 * MAX_CONNECTIONS)]
    async with layers(stores[0], upstream) as one, layers(stores[1], upstream) as two:
        first = await asyncio.gather(*(one.cache.fetch(query) for query in queries))
        second = await asyncio.gather(*(two.cache.fetch(query) for query in queries))
    assert [answer.value for answer in second] == [answer.value for answer in first]
    assert all(answer.cached for answer in second)
    assert len(upstream.asked) == len(queries)


async def test_a_renewal_is_made_by_one_replica_alone(stores: tuple[Store, Store]) -> None:
    class Shifted:
        shift = 0.0

        def __call__(self) -> float:
            return 1e6 + self.shift

    clock, upstream = Shifted(), Upstream()
    async with layers(stores[0], upstream, clock) as one, layers(stores[1], upstream, clock) as two:  # type: ignore[arg-type]
        for replica in (one, two):
            await replica.cache.fetch(QUERY)
        clock.shift = 900.0
        upstream.gate.clear()
        for replica in (one, two):
            assert (await replica.cache.fetch(QUERY)).value == page("n1")
        await until(lambda: len(upstream.asked) == 2)
        upstream.gate.set()
        await asyncio.gather(settled(one.cache), settled(two.cache))
        assert len(upstream.asked) == 2
        for replica in (one, two):
            assert (await replica.cache.fetch(QUERY)).value == page("n2")


async def test_a_server_that_hangs_costs_one_timeout(server: tuple[int, int], stores: tuple[Store, Store]) -> None:
    upstream = Upstream()
    async with layers(stores[0], upstream) as replica:
        await replica.cache.fetch(QUERY)
        os.kill(server[1], signal.SIGSTOP)
        try:
            assert (await replica.cache.fetch(QUERY)).cached
            queries = [question(f"/r/c{number}/hot") for number in range(30)]
            async with asyncio.timeout(len(queries) * TIMEOUT):  # had they waited one after the other
                answers = await asyncio.gather(*(replica.cache.fetch(query) for query in queries))
            assert all(answer.calls == 1 for answer in answers)
            assert (await replica.cache.fetch(queries[0])).cached
        finally:
            os.kill(server[1], signal.SIGCONT)
        await eventually(lambda: kept(replica, stores[1]))


async def kept(replica: Layers, other: Store) -> bool:
    """Whether what one replica asks for reaches the other again."""
    query = question(f"/r/new{os.urandom(4).hex()}/hot")
    await replica.cache.fetch(query)
    async with layers(other, Upstream()) as reader:
        return await reader.answers.find(query) is not None


async def test_a_server_that_dies_and_comes_back_fails_no_call(tmp_path: Path) -> None:
    port, upstream = free_port(), Upstream()
    answers = []
    async with open_store(settings(port)) as store, open_store(settings(port)) as other, AsyncExitStack() as stack:
        replica = await stack.enter_async_context(layers(store, upstream, listening=True))
        for _ in range(2):
            async with running_server(tmp_path, "--port", str(port), "--bind", "127.0.0.1"):
                await eventually(lambda: kept(replica, other))
                upstream.gate.clear()
                call = asyncio.create_task(replica.cache.fetch(question(f"/r/last{len(upstream.asked)}/hot")))
                asked = len(upstream.asked)
                await until(lambda asked=asked: len(upstream.asked) > asked)  # type: ignore[misc]
            upstream.gate.set()
            answers.append(await call)
            answers += [await replica.cache.fetch(question(f"/r/c{number}/hot")) for number in range(5)]
    assert len(answers) == 12


async def test_a_cluster_keeps_marks_and_answers_on_any_node(cluster: list[tuple[int, int]]) -> None:
    upstream = Upstream(answer=lambda number: page(*(f"p{number}x{each}" for each in range(20))))
    queries = [question(f"/r/c{number}/hot", tags=(f"subreddit:c{number}",)) for number in range(8)]
    one, other = [settings(port) for port, _ in cluster]
    async with (
        open_store(one) as store,
        open_store(other) as elsewhere,
        layers(store, upstream, listening=True) as here,
        layers(elsewhere, upstream) as there,
    ):
        await listening(store, f"redis://127.0.0.1:{cluster[0][0]}")
        for query in queries:
            await here.cache.fetch(query)
        assert all([(await there.cache.fetch(query)).cached for query in queries])
        assert (await there.cache.fetch(single("p3x7"))).cached
        await there.answers.purge(["subreddit:c2"])
        await until(lambda: here.memory.last(queries[2].key) is None)
        assert [(await here.cache.fetch(query)).cached for query in queries] == [True] * 2 + [False] + [True] * 5


@pytest.mark.parametrize(
    ("tool", "subreddit", "gone", "said"),
    [
        ("get_subreddit_posts", "r/Python", True, "Purged get_subreddit_posts, r/Python.\n"),
        ("get_subreddit_posts", None, True, "Purged get_subreddit_posts, every community.\n"),
        (None, "python", True, "Purged every tool, r/python.\n"),
        (None, None, True, "Purged every tool, every community.\n"),
        ("search_reddit", "python", False, "Purged search_reddit, r/python.\n"),
        (None, "rust", False, "Purged every tool, r/rust.\n"),
    ],
)
async def test_the_command_purges_every_replica(
    server: tuple[int, int],
    stores: tuple[Store, Store],
    capsys: pytest.CaptureFixture[str],
    tool: str | None,
    subreddit: str | None,
    gone: bool,
    said: str,
) -> None:
    upstream = Upstream()
    async with layers(stores[0], upstream, listening=True) as one, layers(stores[1], upstream) as two:
        await listening(stores[0], f"redis://127.0.0.1:{server[0]}")
        await one.cache.fetch(QUERY)
        await asyncio.to_thread(purge, settings(server[0]), tool, subreddit)
        if gone:
            await until(lambda: one.memory.last(QUERY.key) is None)
        assert (await two.cache.fetch(QUERY)).cached is not gone
    assert capsys.readouterr().out == said


async def test_the_command_refuses_what_it_does_not_know(server: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput, match="watch_keywords caches nothing; these tools do: search_reddit"):
        await asyncio.to_thread(purge, settings(server[0]), "watch_keywords", None)
    with pytest.raises(InvalidInput, match="A community is named by"):
        await asyncio.to_thread(purge, settings(server[0]), None, "no such name")
    with pytest.raises(Unavailable):
        await asyncio.to_thread(purge, settings(free_port()), None, None)


async def test_a_failing_upstream_is_covered_for_over_replicas(stores: tuple[Store, Store]) -> None:
    down = Upstream(failure=UpstreamError("down"))
    async with layers(stores[0], Upstream()) as one, layers(stores[1], down) as two:
        await one.cache.fetch(question(ttl=0))
        answer = await two.cache.fetch(question(ttl=0))
    assert (answer.value, answer.stale) == (page("n1"), True)
