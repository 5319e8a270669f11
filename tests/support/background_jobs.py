"""What the tests of jobs share: a store to run them on, and work that remembers."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.watches.background_jobs import BackgroundJobs
from tests.support.redis_store import PREFIX, answering, assert_no_leaks, free_port, running_server


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    port = free_port()
    async with running_server(tmp_path, "--port", str(port)):
        await answering(f"redis://127.0.0.1:{port}")
        yield f"redis://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    client = connect(url, timeout=5)
    async with Store(client, prefix=PREFIX, timeout=5, cluster_url=url) as store:
        yield store


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with opened(url) as store:
        yield store
        async with store.visit() as redis:
            await assert_no_leaks(redis, PREFIX)


class Work:
    """A handler that remembers."""

    def __init__(self, *, fail: int = 0) -> None:
        self.done: list[tuple[float, Any]] = []
        self.fail = fail
        self.busy = self.busiest = 0

    async def __call__(self, payload: Mapping[str, Any]) -> None:
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        try:
            await asyncio.sleep(payload.get("seconds", 0))
        finally:
            self.busy -= 1
        self.done.append((time.time(), payload["number"]))
        if len(self.done) <= self.fail:
            raise ValueError("not yet")

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.done]


@contextlib.asynccontextmanager
async def working(store: Store, work: Any, replicas: int = 1) -> AsyncIterator[BackgroundJobs]:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(replicas):
            jobs = BackgroundJobs(store)
            jobs.handle("work", work)
            await stack.enter_async_context(jobs)
        yield jobs
