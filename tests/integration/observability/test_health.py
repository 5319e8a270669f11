"""`/health` of a real server: which components, Redis away and back, the operator's switch."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.disk_space import check_disk
from tests.support.redis_store import answering, free_port, running_server
from tests.support.server_process import environment, server
from tests.support.tool_calls import asking

KEY = "00" * 32


def health(url: str) -> dict[str, Any]:
    answer = httpx.get(f"{url}/health")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def becomes(url: str, status: str) -> dict[str, Any]:
    """The health when it is so."""
    async with asyncio.timeout(60):
        while (found := await asyncio.to_thread(health, url))["status"] != status:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return found


async def test_redis_away_is_degraded_and_recovers(tmp_path: Path) -> None:
    port = free_port()
    options, redis = ("--port", str(port), "--bind", "127.0.0.1"), f"redis://127.0.0.1:{port}"
    async with running_server(tmp_path, *options):
        await answering(redis)
        running = server(tmp_path, REDIS_URL=redis, MCP_MASTER_KEY=KEY)
        url = await asyncio.to_thread(running.__enter__)
        found = await becomes(url, "healthy")
        assert set(found["components"]) == {"redis", "sample", "storage", "worker"}
    try:
        found = await becomes(url, "degraded")
        assert [name for name, each in found["components"].items() if each["status"] != "healthy"] == ["redis"]
        async with running_server(tmp_path, *options):
            assert set((await becomes(url, "healthy"))["components"]) == {"redis", "sample", "storage", "worker"}
            await asyncio.to_thread(running.__exit__, None, None, None)
    except BaseException:
        await asyncio.to_thread(running.__exit__, None, None, None)
        raise


def switched(data_dir: Path, how: str) -> str:
    line = [sys.executable, "-m", "reddit_mcp", "cache", "only", how]
    done = subprocess.run(
        line, env=environment(data_dir), cwd=data_dir, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


async def test_the_operator_switches_to_cache_only_and_back(tmp_path: Path) -> None:
    with server(tmp_path) as url:
        async with asking(url) as ask:
            known = await ask("search_reddit", query="bread", time_filter="all")
            assert "alone" in await asyncio.to_thread(switched, tmp_path, "on")
            assert "cache_only" in (await becomes(url, "degraded"))["components"]
            again = await ask("search_reddit", query="bread", time_filter="all")
            assert (again["metadata"]["cached"], again["results"]) == (True, known["results"])
            refused = (await ask("search_reddit", query="stars", time_filter="all"))["error"]
            assert (refused["type"], refused["data"]["reason"]) == ("unavailable", "cache_only")
            assert "again" in await asyncio.to_thread(switched, tmp_path, "off")
            await becomes(url, "healthy")
            assert "metadata" in await ask("search_reddit", query="stars", time_filter="all")


async def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "GB free" in await check_disk(tmp_path)
    assert "not used" in await check_disk(tmp_path / "none")
    monkeypatch.setattr("reddit_mcp.storage.disk_space.LEAST_BYTES", 10**18)
    with pytest.raises(Unavailable, match="MB left"):
        await check_disk(tmp_path)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(Unavailable, match="cannot be written"):
        await check_disk(tmp_path)
