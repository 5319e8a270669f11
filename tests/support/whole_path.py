"""The whole path in one process: the application as `serve` opens it, a real Redis, a scripted Reddit at its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from reddit_mcp.container import Container, open_container
from reddit_mcp.settings import Settings
from tests.support.redis_store import PREFIX
from tests.support.request_budget import redis_server
from tests.support.scripted_reddit import ScriptedReddit


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[str]:
    async with redis_server(tmp_path) as url:
        yield url


@asynccontextmanager
async def serving(reddit: ScriptedReddit | None, redis: str, tmp_path: Path, **fields: Any) -> AsyncIterator[Container]:
    settings = Settings(
        _env_file=None,
        **_application(reddit) if reddit else {},
        redis_url=SecretStr(redis),
        redis_timeout=2.0,
        redis_key_prefix=PREFIX,
        mcp_master_key=SecretStr("00" * 32),
        data_dir=tmp_path,
        **fields,
    )
    async with open_container(settings) as found:
        yield found


def _application(reddit: ScriptedReddit) -> dict[str, Any]:
    return {
        "reddit_client_id": "id",
        "reddit_client_secret": SecretStr("secret"),
        "reddit_oauth_url": reddit.url,
        "reddit_url": reddit.url,
    }
