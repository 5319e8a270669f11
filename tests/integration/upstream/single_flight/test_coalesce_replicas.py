"""Several processes on one Redis that ask the same upstream the same."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import (
    PREFIX,
    answering,
    assert_no_leaks,
    every_node,
    free_port,
    kill,
    redis_at,
    running_server,
    until,
)

ROOT = Path(__file__).parents[4]


class Upstream:
    """Counts the requests of all processes and answers each with its number, once the gate is open."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readline()).decode().strip())
        number = len(self.asked)
        await self.gate.wait()
        writer.write(f"n{number}\n".encode())
        writer.close()


class Replica:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout
        return (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_SECONDS)).decode().strip()

    async def ask(self, **command: Any) -> Any:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        return json.loads(await self.line())

    async def fetch(self, times: int = 1) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = await self.ask(do="fetch", path="/r/python/hot", times=times)
        return answers

    async def holds(self) -> bool:
        return bool(await self.ask(do="held", path="/r/python/hot"))


async def started(url: str, port: int, stack: AsyncExitStack) -> Replica:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.cache_replica", url, str(port),
        cwd=ROOT, stdin=pipe, stdout=pipe, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    replica = Replica(process)
    stack.push_async_callback(ended, process)
    assert await replica.line() == "ready"
    return replica


async def ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    port = free_port()
    url = f"redis://127.0.0.1:{port}"
    with suppress(ProcessLookupError):  # a test may have killed it
        async with running_server(tmp_path, "--port", str(port), "--bind", "127.0.0.1") as process:
            await answering(url)
            yield url, process
            if process.returncode is None:
                async with redis_at(url) as redis:
                    await assert_no_leaks(redis, PREFIX)


@pytest.fixture
async def upstream() -> AsyncIterator[tuple[Upstream, int]]:
    upstream = Upstream()
    listener = await asyncio.start_server(upstream.answer, "127.0.0.1")
    async with listener:
        yield upstream, listener.sockets[0].getsockname()[1]


@pytest.fixture
async def replicas(
    server: tuple[str, object], upstream: tuple[Upstream, int]
) -> AsyncIterator[tuple[Replica, Replica, Replica]]:
    async with AsyncExitStack() as stack:
        one, two, three = await asyncio.gather(*(started(server[0], upstream[1], stack) for _ in range(3)))
        yield one, two, three


Trio = tuple[Replica, Replica, Replica]


async def looking(url: str, times: int) -> None:
    """Until the flight has been looked at so often more."""
    async with every_node(url) as nodes:
        target = await looks(nodes) + times
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await looks(nodes) < target:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)


async def looks(nodes: list[Redis]) -> int:
    stats = [await node.info("commandstats") for node in nodes]
    return sum(int(each.get(f"cmdstat_{name}", {}).get("calls", 0)) for each in stats for name in ("evalsha", "eval"))


async def test_three_processes_ask_once(
    replicas: Trio, upstream: tuple[Upstream, int], server: tuple[str, object]
) -> None:
    reddit, _ = upstream
    calls = [asyncio.create_task(replica.fetch(100)) for replica in replicas]
    await until(lambda: bool(reddit.asked))
    await looking(server[0], 6)
    reddit.gate.set()
    answers = [answer for answered in await asyncio.gather(*calls) for answer in answered]
    assert len(reddit.asked) == 1
    assert len(answers) == 300
    assert {answer["id"] for answer in answers} == {"n1"}
    assert sum(answer["calls"] for answer in answers) == 1
    assert [(await replica.fetch())[0]["cached"] for replica in replicas] == [True] * 3


async def test_an_owner_that_is_killed_is_followed(
    replicas: Trio, upstream: tuple[Upstream, int], server: tuple[str, object]
) -> None:
    owner, *others = replicas
    reddit, _ = upstream
    lost = asyncio.create_task(owner.fetch())
    await until(lambda: bool(reddit.asked))
    calls = [asyncio.create_task(replica.fetch(50)) for replica in others]
    await looking(server[0], 6)
    owner.process.kill()
    await until(lambda: len(reddit.asked) == 2)
    reddit.gate.set()
    answers = [answer for answered in await asyncio.gather(*calls) for answer in answered]
    assert {answer["id"] for answer in answers} == {"n2"}
    assert len(reddit.asked) == 2
    await asyncio.gather(lost, return_exceptions=True)


async def test_redis_killed_in_the_middle_fails_no_call(
    replicas: Trio, upstream: tuple[Upstream, int], server: tuple[str, asyncio.subprocess.Process]
) -> None:
    url, process = server
    reddit, _ = upstream
    calls = [asyncio.create_task(replica.fetch(20)) for replica in replicas]
    await until(lambda: bool(reddit.asked))
    await looking(url, 6)
    await kill(url)
    await process.wait()
    await until(lambda: len(reddit.asked) == 3)
    reddit.gate.set()
    answers = [answer for answered in await asyncio.gather(*calls) for answer in answered]
    assert [answer for answer in answers if "failure" in answer] == []
    assert sorted({answer["id"] for answer in answers}) == ["n1", "n2", "n3"]
    assert [(await replica.fetch())[0]["cached"] for replica in replicas] == [True] * 3


async def test_a_purge_reaches_the_memory_of_other_processes(replicas: Trio, upstream: tuple[Upstream, int]) -> None:
    upstream[0].gate.set()
    for replica in replicas:
        await held(replica)
    await replicas[0].ask(do="purge")
    for replica in replicas:
        await dropped(replica)
    assert (await replicas[2].fetch())[0]["id"] != "n1"


async def test_a_lost_subscription_puts_the_memory_in_doubt(
    replicas: Trio, upstream: tuple[Upstream, int], server: tuple[str, object]
) -> None:
    upstream[0].gate.set()
    for replica in replicas:
        await held(replica)
    async with every_node(server[0]) as nodes:
        assert sum([await node.client_kill_filter(_type="pubsub") for node in nodes]) == 3
    await dropped(replicas[0])
    assert (await replicas[0].fetch())[0]["id"] == "n1"
    assert await replicas[0].holds()


async def held(replica: Replica) -> None:
    """Until the answer stays in the replica's memory; what is asked while it subscribes is in doubt."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await replica.holds():
            await replica.fetch()


async def dropped(replica: Replica) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await replica.holds():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
