from pathlib import Path
from types import SimpleNamespace

import pytest

from reddit_mcp.settings import Settings
from reddit_mcp.storage import open_store
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.in_process_store import in_process_store
from reddit_mcp.storage.watches.watch_store import WatchStore
from tests.support.redis_store import a_watch


async def test_it_works_and_warns(caplog: pytest.LogCaptureFixture) -> None:
    async with Store(in_process_store(), prefix="p:", timeout=5.0) as store:
        watches, watch = WatchStore(store), a_watch()
        await watches.create(watch, limit=1)
        assert await watches.list(watch.owner) == (watch,)
    assert "lost at its end" in caplog.text


async def test_windows_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reddit_mcp.storage.redis.open_store.sys", SimpleNamespace(platform="win32"))
    async with open_store(Settings(data_dir=tmp_path, redis_url=None)) as store:
        assert await store.ping() > 0
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240


async def test_two_do_not_share() -> None:
    async with in_process_store() as one, in_process_store() as other:
        await one.set("key", "value")
        assert await other.get("key") is None
