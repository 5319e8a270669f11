"""Jobs whose process ends: what runs may finish and is held meanwhile, and nothing new begins."""

import asyncio
from typing import Any

import pytest

from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.watches import background_jobs as jobs_module
from tests.support.background_jobs import Work, working
from tests.support.background_jobs import store as store  # noqa: PLC0414 - fixtures
from tests.support.background_jobs import url as url  # noqa: PLC0414
from tests.support.redis_store import until


async def test_closing_lets_jobs_finish(store: Store) -> None:
    work = Work()
    async with working(store, work) as jobs:
        await jobs.enqueue("work", "k", {"number": 1, "seconds": 0.3})
        await until(lambda: work.busy == 1)
    assert work.numbers == [1]


async def test_what_drains_is_held_and_nothing_new_begins(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(jobs_module, "LOOK_SECONDS", 0.1)
    slow, quick = Work(), Work()
    async with working(store, slow) as jobs:
        await jobs.enqueue("work", "slow", {"number": 1, "seconds": 5})
        await until(lambda: slow.busy == 1)
        jobs.drain()
        await jobs.enqueue("work", "new", {"number": 2})
        async with working(store, quick):
            await until(lambda: quick.numbers == [2])
            await until(lambda: slow.numbers == [1])
    assert (slow.numbers, quick.numbers) == ([1], [2])


async def test_the_time_of_draining_begins_with_its_first_word(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work()
    async with working(store, work) as jobs:
        await jobs.enqueue("work", "k", {"number": 1, "seconds": 600})
        await until(lambda: work.busy == 1)
        monkeypatch.setattr(jobs_module, "DRAIN_SECONDS", 600.0)
        with monkeypatch.context() as shorter:
            shorter.setattr(jobs_module, "DRAIN_SECONDS", 0.0)
            jobs.drain()
    assert work.done == []


async def test_what_does_not_finish_in_time_is_put_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "DRAIN_SECONDS", 0.1)
    monkeypatch.setattr(jobs_module, "LEASE_SECONDS", 600.0)
    slow, quick = Work(), Work()
    async with working(store, slow) as jobs:
        await jobs.enqueue("work", "k", {"number": 1, "seconds": 600})
        await until(lambda: slow.busy == 1)
    assert slow.done == []
    monkeypatch.setattr(asyncio, "sleep", _instant(asyncio.sleep))
    async with working(store, quick):
        await until(lambda: quick.numbers == [1])  # at once, not when a lease ends


def _instant(sleep: Any) -> Any:
    async def shorter(seconds: float) -> None:
        await sleep(min(seconds, 1))

    return shorter
