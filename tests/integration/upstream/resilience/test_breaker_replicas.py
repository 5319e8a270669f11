"""Breakers of several processes on one real server."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reddit_mcp.cli.admin.breakers_command import list_breakers, reset_breaker
from reddit_mcp.errors import NotFound, Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules
from tests.support.breakers import fail, through
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import answering, assert_no_leaks, command, free_port, running_server, until

PREFIX = "test:"


class Replica:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, word: str) -> str:
        assert self._process.stdin
        self._process.stdin.write(f"{word}\n".encode())
        return await self.line()

    async def line(self) -> str:
        assert self._process.stdout
        return (await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_SECONDS)).decode().strip()

    async def reaches(self, state: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.ask("state") != state:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        self._process.kill()
        await self._process.communicate()


@asynccontextmanager
async def replicas(url: str, number: int, **rules: float) -> AsyncIterator[list[Replica]]:
    program = Path(__file__).parents[3] / "support" / "breaker_replica.py"
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            str(program),
            json.dumps(rules),
            stdin=pipe,
            stdout=pipe,
            env={**os.environ, "REDIS_URL": url},
        )
        for _ in range(number)
    ]
    found = [Replica(process) for process in processes]
    try:
        for replica in found:
            assert await replica.line() == "ready"
        yield found
    finally:
        for process in processes:
            await process.communicate(b"")  # the end of its input


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    port = free_port()
    async with running_server(tmp_path, "--port", str(port)):
        url = f"redis://127.0.0.1:{port}"
        await answering(url)
        yield url


@asynccontextmanager
async def opened(url: str, rules: BreakerRules | None = None) -> AsyncIterator[BreakerRegistry]:
    async with Store(connect(url, timeout=5.0), prefix=PREFIX, timeout=5.0, cluster_url=url) as store:
        breakers = BreakerRegistry(store, rules)
        yield breakers
        await breakers.aclose()
        async with store.visit() as redis:
            await assert_no_leaks(redis, PREFIX)


async def test_an_opening_is_seen_by_the_others_and_so_is_the_reset(url: str) -> None:
    async with replicas(url, 2) as (first, second), opened(url) as ours:
        for _ in range(5):
            assert await first.ask("fault") == "upstream_error"
        assert await first.ask("state") == "open"
        assert await second.ask("fault") == "upstream_error"
        await second.reaches("open")
        assert await second.ask("call") == "unavailable"
        (report,) = await ours.reports()
        assert (report.name, report.state, report.failure_count) == ("reddit", "open", 6)
        report = await ours.reset("reddit")
        assert (report.state, report.failure_count, len(report.recent_errors)) == ("closed", 0, 6)
        await first.reaches("closed")
        await second.reaches("closed")
        assert await second.ask("call") == "answered"


async def test_three_probes_over_all_replicas(url: str) -> None:
    async with replicas(url, 3, wait=0.3) as all_of_them:
        for replica in all_of_them:
            for _ in range(5):
                await replica.ask("fault")
        for replica in all_of_them:
            await replica.reaches("half_open")
        answers = await asyncio.gather(*(replica.ask("probe") for replica in all_of_them))
        assert answers == ["answered"] * 3
        for replica in all_of_them:
            assert await replica.ask("probe") == "unavailable"
        assert await all_of_them[0].ask("learnt nothing") == "ok"
        assert await all_of_them[0].ask("call") == "answered"
        assert await all_of_them[0].ask("call") == "unavailable", "one answered and two are still out"
        assert await all_of_them[1].ask("learnt nothing") == "ok"
        assert await all_of_them[1].ask("call") == "answered"
        assert await all_of_them[1].ask("state") == "closed"
        for replica in all_of_them:
            assert await replica.ask("call") == "answered", "a half-open replica asks before it probes"


async def test_two_successes_of_different_replicas_close_it(url: str) -> None:
    async with replicas(url, 2, wait=0.2) as (first, second):
        for _ in range(5):
            await first.ask("fault")
        await second.ask("fault")
        await second.reaches("half_open")
        assert await first.ask("missing") == "not_found"
        assert await first.ask("state") == "half_open"
        assert await second.ask("call") == "answered"
        assert await second.ask("state") == "closed"


async def test_a_failed_probe_doubles_the_wait_for_all(url: str) -> None:
    async with replicas(url, 2, wait=2.0) as (first, second), opened(url) as ours:
        for replica in (first, second):
            for _ in range(5):
                await replica.ask("fault")
        await first.reaches("half_open")
        assert await first.ask("fault") == "upstream_error"
        assert await first.ask("call") == "unavailable"
        assert await second.ask("call") == "unavailable"
        assert (await ours.reports())[0].state == "open"
        await second.reaches("half_open")
        assert await second.ask("call") == "answered"


async def test_a_replica_killed_while_it_probes_blocks_nobody(url: str) -> None:
    async with replicas(url, 2, wait=0.2) as (first, second):
        for _ in range(5):
            await first.ask("fault")
        await first.reaches("half_open")
        await first.ask("probe")
        await first.kill()
        await second.ask("fault")
        await second.reaches("half_open")
        assert await second.ask("call") == "answered"
        assert await second.ask("call") == "answered"
        assert await second.ask("state") == "closed"


async def test_a_replica_that_never_heard_of_the_trouble_hears_with_its_first_fault(url: str) -> None:
    async with opened(url) as ours, opened(url) as theirs:
        await fail(ours.get("reddit"))
        await ours.get("reddit").shared.exchange()
        await fail(theirs.get("reddit"), 1)
        await until(lambda: theirs.get("reddit").is_open)


async def test_a_replica_that_heard_of_an_opening_by_its_report_hears_of_the_reset(url: str) -> None:
    async with opened(url) as ours, opened(url) as theirs:
        theirs.get("reddit")
        await fail(ours.get("reddit"))
        await ours.get("reddit").shared.exchange()
        assert [report.state for report in await theirs.reports()] == ["open"]
        assert theirs.get("reddit").is_open
        await ours.reset("reddit")
        await until(lambda: theirs.get("reddit").state == "closed")


async def test_an_operator_sees_breakers_of_other_replicas(url: str) -> None:
    async with opened(url) as ours, opened(url) as theirs:
        await through(theirs.get("webhook:example.com"))
        await theirs.reports()
        assert [report.name for report in await ours.reports()] == ["webhook:example.com"]
        assert (await ours.reset("webhook:example.com")).state == "closed"
        with pytest.raises(NotFound, match=r"webhook:example\.com"):
            await ours.reset("reddit")


async def test_redis_killed_in_the_middle_fails_no_call(tmp_path: Path) -> None:
    port = free_port()
    url = f"redis://127.0.0.1:{port}"
    async with Store(connect(url, timeout=0.25), prefix=PREFIX, timeout=0.25, cluster_url=url) as store:
        breakers = BreakerRegistry(store, BreakerRules(wait=0.1))
        breaker = breakers.get("reddit")
        async with running_server(tmp_path, "--port", str(port)):
            await answering(url)
            await fail(breaker)
            await breaker.shared.exchange()
        await until(lambda: not breaker.is_open)
        await through(breaker)
        await through(breaker)
        assert breaker.state == "closed"
        await breakers.aclose()


async def test_on_a_cluster_each_breaker_has_its_node(tmp_path: Path) -> None:
    port = free_port()
    url = f"redis://127.0.0.1:{port}"
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--bind", "127.0.0.1")
    async with running_server(tmp_path, "--port", str(port), *options):
        await answering(url)
        await one_node_cluster(url)
        async with Store(connect(url, timeout=5.0), prefix=PREFIX, timeout=5.0, cluster_url=url) as store:
            breakers = BreakerRegistry(store)
            for name in ("reddit", "reddit_token", "platform"):
                await fail(breakers.get(name))
            assert [report.state for report in await breakers.reports()] == ["open"] * 3
            assert (await breakers.reset("reddit")).state == "closed"
            await breakers.aclose()


async def one_node_cluster(url: str) -> None:
    async with connect(url, timeout=5.0) as redis, asyncio.timeout(PATIENCE_SECONDS):
        await command(redis, "CLUSTER ADDSLOTSRANGE", 0, 16383)
        while (await redis.cluster("INFO"))["cluster_state"] != "ok":  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


async def test_the_commands(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.model_validate({"redis_url": url, "redis_key_prefix": PREFIX})
    assert await asyncio.to_thread(list_breakers, settings) == 0
    assert "no breaker" in capsys.readouterr().out
    async with opened(url) as ours:
        await through(ours.get("platform"))
        await fail(ours.get("reddit"))
        await ours.reports()
        assert await asyncio.to_thread(list_breakers, settings) == 0
        shown = capsys.readouterr().out
        assert "reddit: open for " in shown
        assert "0 answered, 5 failed" in shown
        assert "errors 100.0%" in shown
        assert shown.count("upstream_error: Reddit is having trouble") == 5
        assert "platform: closed" in shown
        assert await asyncio.to_thread(reset_breaker, settings, "reddit") == 0
        assert "reddit is closed" in capsys.readouterr().out
        await until(lambda: ours.get("reddit").state == "closed")
        with pytest.raises(NotFound, match="there are: platform, reddit"):
            await asyncio.to_thread(reset_breaker, settings, "nowhere")


async def test_the_commands_say_when_the_store_is_away() -> None:
    settings = Settings.model_validate({"redis_url": f"redis://127.0.0.1:{free_port()}"})
    with pytest.raises(Unavailable):
        await asyncio.to_thread(list_breakers, settings)
