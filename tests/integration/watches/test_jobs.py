"""Jobs on a real store: once over all replicas, taken over after a crash, back after Redis was away."""

import asyncio
import contextlib
import itertools
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.single_flight.call_context import caller, remaining
from reddit_mcp.watches import background_jobs as jobs_module
from reddit_mcp.watches.background_jobs import BackgroundJobs
from tests.support.background_jobs import Work, opened, working
from tests.support.background_jobs import store as store  # noqa: PLC0414 - fixtures
from tests.support.background_jobs import url as url  # noqa: PLC0414
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import PREFIX, answering, free_port, running_server, until


async def test_each_job_is_done_once_over_all_replicas(store: Store) -> None:
    work = Work()
    async with working(store, work, replicas=3) as jobs:
        for number in range(60):
            await jobs.enqueue("work", f"k{number}", {"number": number})
        await until(lambda: len(work.done) >= 60)
        async with store.visit() as redis:
            await until_empty(redis)
    assert sorted(work.numbers) == list(range(60))


async def until_empty(redis: Any) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while [key async for key in redis.scan_iter(match=f"{PREFIX}job*")]:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.01)


async def test_equal_jobs_that_wait_are_one_at_the_earliest_time(store: Store) -> None:
    work = Work()
    now = time.time()
    async with working(store, work, replicas=2) as jobs:
        await jobs.enqueue("work", "same", {"number": 1}, now + 60)
        await jobs.enqueue("work", "same", {"number": 2}, now + 0.3)
        await jobs.enqueue("work", "same", {"number": 3}, now + 90)
        await jobs.enqueue("work", "other", {"number": 4}, now + 0.6)
        await until(lambda: len(work.done) == 2)
    assert work.numbers == [3, 4]
    assert work.done[0][0] - now >= 0.3


async def test_a_job_may_put_itself_off(store: Store) -> None:
    done: list[float] = []

    async def again(payload: Mapping[str, Any]) -> None:
        done.append(time.time())
        await jobs.enqueue("work", "same", payload, time.time() + 0.1)

    async with working(store, again) as jobs:
        await jobs.enqueue("work", "same", {})
        await until(lambda: len(done) == 5)
    assert all(later - sooner >= 0.1 for sooner, later in itertools.pairwise(done))


async def test_a_job_never_runs_beside_itself(store: Store) -> None:
    work = Work()
    async with working(store, work, replicas=2) as jobs:
        for number in range(4):
            await jobs.enqueue("work", "same", {"number": number, "seconds": 0.3})
            await until(lambda: work.busy == 1 or bool(work.done))
        await until(lambda: work.numbers[-1:] == [3])
    assert work.busiest == 1


async def test_a_failed_job_is_repeated(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "RETRY_SECONDS", 0.1)
    work = Work(fail=2)
    async with working(store, work) as jobs:
        await jobs.enqueue("work", "k", {"number": 7})
        await until(lambda: len(work.done) == 3)
        async with store.visit() as redis:
            await until_empty(redis)
    first, second, third = (moment for moment, _ in work.done)
    assert second - first >= 0.075
    assert third - second >= 0.15


async def test_a_hopeless_job_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(jobs_module, "MOST_ATTEMPTS", 3)
    work = Work(fail=100)
    async with working(store, work) as jobs:
        await jobs.enqueue("work", "k", {"number": 7})
        await until(lambda: len(work.done) == 4)
        async with store.visit() as redis:
            await until_empty(redis)
    assert len(work.done) == 4


async def test_a_job_knows_its_deadline_and_its_caller(store: Store) -> None:
    seen: list[tuple[str, float]] = []

    async def look(_payload: Mapping[str, Any]) -> None:
        seen.append((caller.get(), remaining()))

    async with working(store, look) as jobs:
        await jobs.enqueue("work", "k", {})
        await until(lambda: bool(seen))
    assert seen[0][0] == "jobs"
    assert 0 < seen[0][1] <= jobs_module.JOB_SECONDS


async def test_a_standing_job_is_there_without_anybody_asking(store: Store) -> None:
    done: list[Mapping[str, Any]] = []

    async def stand(payload: Mapping[str, Any]) -> None:
        done.append(payload)

    jobs = BackgroundJobs(store)
    jobs.handle("stand", stand, standing=True)
    async with jobs:
        await until(lambda: bool(done))
    assert done == [{}]


async def test_no_more_than_its_places_run_at_once(store: Store) -> None:
    work = Work()
    async with working(store, work) as jobs:
        for number in range(20):
            await jobs.enqueue("work", f"k{number}", {"number": number, "seconds": 0.05})
        await until(lambda: len(work.done) == 20)
    assert work.busiest == jobs_module.PLACES


async def test_the_jobs_of_a_killed_process_are_taken_over(
    url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Path(__file__).parents[2] / "support" / "jobs_replica.py"
    victim = await asyncio.create_subprocess_exec(
        sys.executable, str(program), url, PREFIX, stdout=asyncio.subprocess.PIPE
    )
    try:
        await BackgroundJobs(store).enqueue("work", "k", {"number": 1})
        assert victim.stdout
        assert await asyncio.wait_for(victim.stdout.readline(), PATIENCE_SECONDS) == b"1\n"
        work = Work()
        async with working(store, work):
            victim.kill()
            await until(lambda: work.numbers == [1])
    finally:
        with contextlib.suppress(ProcessLookupError):
            victim.kill()
        await victim.communicate()


async def test_a_long_job_keeps_its_lease(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(jobs_module, "LOOK_SECONDS", 0.1)
    work = Work()
    async with working(store, work, replicas=3) as jobs:
        await jobs.enqueue("work", "k", {"number": 1, "seconds": 5})
        await until(lambda: len(work.done) == 1)
    assert work.busiest == 1


async def test_redis_may_go_and_come_back(tmp_path: Path) -> None:
    port, work = free_port(), Work()
    url = f"redis://127.0.0.1:{port}"
    async with opened(url) as store, working(store, work) as jobs:
        with pytest.raises(Unavailable):
            await jobs.enqueue("work", "early", {"number": 0})
        for number in (1, 2):
            async with running_server(tmp_path, "--port", str(port), "--appendonly", "yes"):
                await answering(url)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await enqueued(jobs, number)
                await until(lambda number=number: number in work.numbers)  # type: ignore[misc]
    assert set(work.numbers) == {1, 2}  # the first again, where Redis went before it heard that it was done


async def enqueued(jobs: BackgroundJobs, number: int) -> None:
    while True:
        with contextlib.suppress(Unavailable):
            return await jobs.enqueue("work", f"k{number}", {"number": number})
        await asyncio.sleep(0.05)


async def test_an_idle_process_costs_two_commands_a_second_at_most(store: Store) -> None:
    seconds = 9.0
    async with working(store, Work()) as jobs:
        await jobs.enqueue("work", "later", {"number": 1}, time.time() + 900)
        opened_at = time.monotonic()
        await until(lambda: time.monotonic() - opened_at > 1)
        async with store.visit() as redis:
            before = (await redis.info("stats"))["total_commands_processed"]
        started = time.monotonic()
        await until(lambda: time.monotonic() - started > seconds)
        async with store.visit() as redis:
            spent = (await redis.info("stats"))["total_commands_processed"] - before
        seconds = time.monotonic() - started
    assert spent / seconds <= 2


async def test_a_job_that_is_due_again_at_once_is_not_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last run may not yet have heard that it is done when it is taken again."""
    done = 0
    monkeypatch.setattr(jobs_module, "LOOK_SECONDS", 600.0)
    monkeypatch.setattr(jobs_module, "LEASE_SECONDS", 600.0)

    async def again(payload: Mapping[str, Any]) -> None:
        nonlocal done
        done += 1
        await jobs.enqueue("work", "same", payload)

    async with working(store, again) as jobs:
        await jobs.enqueue("work", "same", {})
        await until(lambda: done > 300)
