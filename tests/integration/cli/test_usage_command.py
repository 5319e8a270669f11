"""`keys usage` over a real server."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from reddit_mcp.cli.admin.usage_command import register, run
from reddit_mcp.errors import NotFound, Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage.accounting.usage_records import UsageRecords
from reddit_mcp.storage.api_keys.key_store import KeyStore
from reddit_mcp.storage.api_keys.master_secrets import open_secrets
from reddit_mcp.storage.limits.quota_counters import QuotaCounters
from reddit_mcp.tiers import Tier
from tests.support.redis_store import PREFIX, free_port
from tests.support.request_budget import redis_server, store_at

SLOW = '{"pro": {"minute": 1}}'
"""A minute's quota that stays spent while a test looks at it."""


class Line:
    """The command over a real server."""

    def __init__(self, url: str, **options: Any) -> None:
        self._settings = Settings(redis_url=SecretStr(url), redis_key_prefix=PREFIX, redis_timeout=2.0, **options)

    async def run(self, *words: str) -> int:
        parser = argparse.ArgumentParser()
        register(parser.add_subparsers())
        return await asyncio.to_thread(run, self._settings, parser.parse_args(["usage", *words]))


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    """Ada has two free keys that are gone and a pro one; bea a key and no calls; a stranger and the local one call."""
    async with redis_server(tmp_path) as url, store_at(url) as store:
        keys = KeyStore(store, open_secrets(Settings(data_dir=tmp_path)))
        for tier in ("free", "pro", "free"):
            issued = await keys.create("ada", "test", tier)
            if tier == "free":
                await keys.revoke(issued.record.id)
        await keys.create("bea", "test", "business")
        await QuotaCounters(store).spend("ada", Tier(minute=1), 1)
        async with UsageRecords(store) as usage:
            for name in ("ada", "ada", "local", "anonymous:77"):
                usage.note(name, "calls:search_reddit")
            usage.note("ada", "errors:not_found")
        yield Line(url, tiers=SLOW)


async def test_the_command_shows_everybody(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert await line.run() == 0
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert (
        capsys.readouterr().out
        == f"""\
ada (pro)
  left: 0 of 1 this minute, 1,999 of 2,000 this hour, 9,999 of 10,000 this day, 99,999 of 100,000 this month
  day           calls   errors  charged
  {today}        2        1        0

anonymous:77 (anonymous)
  left: 10 of 10 this minute, 100 of 100 this hour, 300 of 300 this day, 1,000 of 1,000 this month
  day           calls   errors  charged
  {today}        1        0        0

local (unlimited)
  left: no limit
  day           calls   errors  charged
  {today}        1        0        0
"""
    )


async def test_the_command_shows_one_as_json(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    await line.run("--user", "ada", "--json")
    (report,) = json.loads(capsys.readouterr().out)
    assert (report["user"], report["tier"], report["quota"][0]["remaining"]) == ("ada", "pro", 0)
    assert report["days"][0]["calls"] == {"search_reddit": 2}
    await line.run("--user", "bea", "--json")
    (report,) = json.loads(capsys.readouterr().out)
    assert (report["tier"], report["days"]) == ("business", [])


async def test_the_command_knows_nobody_of_that_name(line: Line) -> None:
    with pytest.raises(NotFound, match="Nobody named eve has a key or called in the last 31 days"):
        await line.run("--user", "eve")


async def test_the_command_before_the_first_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with redis_server(tmp_path) as url:
        await Line(url).run()
    assert capsys.readouterr().out == "nobody called in the last 31 days\n"


async def test_the_command_without_redis() -> None:
    with pytest.raises(Unavailable):
        await Line(f"redis://127.0.0.1:{free_port()}").run()
