"""What the tests of the embedded store share."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage import open_store
from reddit_mcp.storage.redis.connection import Store
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import guards, servers, until


@pytest.fixture
async def data_dir(tmp_path: Path) -> AsyncIterator[Path]:
    """A data directory that no process is left in afterwards."""
    folder = tmp_path / "data"
    yield folder
    try:
        await until(lambda: not servers(folder) and not guards(folder))
    finally:
        for left in servers(folder) + guards(folder):
            os.kill(left, signal.SIGKILL)


def opened(folder: Path) -> AbstractAsyncContextManager[Store]:
    return open_store(Settings(data_dir=folder, redis_url=None))


async def write(store: Store, key: str, value: str) -> None:
    async with store.visit() as redis:
        await redis.set(key, value)


async def read(store: Store, key: str) -> object:
    async with store.visit() as redis:
        return await redis.get(key)


async def until_answers(store: Store) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await store.ping()
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return
