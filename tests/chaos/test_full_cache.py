"""A cache Redis that is full and evicts, beside a state store that must not: the product loses nothing it has to keep.

`TEST_CACHE_MB=512` runs it at the size of a small production cache.
"""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from reddit_mcp.cli.doctor import doctor
from reddit_mcp.models import Post
from reddit_mcp.settings import Settings
from reddit_mcp.storage.cache.cache_encoding import Facts, seal
from reddit_mcp.storage.cache.cache_entries import CacheEntries
from reddit_mcp.storage.redis.open_store import open_cache_store, open_store
from tests.support.asgi_requests import JSON, call
from tests.support.keyed_servers import House
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import answering, assert_no_leaks, free_port, running_server
from tests.support.server_process import server

MEGABYTES = int(os.environ.get("TEST_CACHE_MB", "16"))
ANSWER_BYTES = 32_000
TIERS = json.dumps({"free": {"minute": 100_000, "hour": 100_000, "day": 1_000, "month": 10_000}})
PREFIX = "reddit_mcp:"


@dataclass
class Pair:
    """The addresses of a state store and of a cache that evicts."""

    state: str
    cache: str


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    state = ("--appendonly", "yes", "--maxmemory-policy", "noeviction")
    cache = ("--maxmemory", f"{MEGABYTES}mb", "--maxmemory-policy", "allkeys-lru")
    async with AsyncExitStack() as stack:
        urls = []
        for name, options in (("state", state), ("cache", cache)):
            folder, port = tmp_path / name, free_port()
            folder.mkdir()
            await stack.enter_async_context(
                running_server(folder, "--port", str(port), "--bind", "127.0.0.1", *options)
            )
            urls.append(f"redis://127.0.0.1:{port}")
            await answering(urls[-1])
        yield Pair(*urls)


def settings(pair: Pair, **more: Any) -> Settings:
    urls = {"redis_url": SecretStr(pair.state), "redis_cache_url": SecretStr(pair.cache)}
    return Settings(_env_file=None, **{**urls, **more})


async def fill(pair: Pair, answers: int) -> None:
    """Cache so many answers that hardly compress, through the room that the product uses."""
    own = settings(pair, redis_timeout=10.0)
    async with open_store(own) as store, open_cache_store(own, store) as cached:
        entries = CacheEntries(cached, "http://reddit.test client")
        facts = Facts(model="Post", stored_at=0.0, fresh_until=1.0, ttl=1, marks={})
        for start in range(0, answers, 100):
            batch = (
                (f"comments:{start + number}", sealed(facts), 86_400.0) for number in range(min(100, answers - start))
            )
            await entries.write(batch, {})


def sealed(facts: Facts) -> bytes:
    text = secrets.token_urlsafe(ANSWER_BYTES)
    return seal(Post(id="x", title="x", selftext=text), facts)[1]


async def evicted(pair: Pair) -> int:
    async with Redis.from_url(pair.cache) as redis:
        return int((await redis.info("stats"))["evicted_keys"])


async def ask(url: str, key: str, tool: str, **arguments: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        answer = await client.post(f"{url}/mcp", headers={**JSON, "X-API-Key": key}, json=call(tool, **arguments))
    content: dict[str, Any] = answer.json()["result"]["structuredContent"]
    assert "error" not in content, content
    return content


async def state(pair: Pair) -> dict[str, Any]:
    """What the state store keeps of callers: the keys, the watches and the quotas as they are stored."""
    async with Redis.from_url(pair.state) as redis:
        await assert_no_leaks(redis, PREFIX)
        names = [name async for name in redis.scan_iter(match=f"{PREFIX}*")]
        kept = ("api-keys", "key-digests", "watches", "quota")
        ours = [name for name in names if name.decode().removeprefix(PREFIX).partition(":")[0] in kept]
        return {name.decode(): await redis.hgetall(name) for name in ours}


async def test_a_full_cache_takes_nothing_from_the_state_store(pair: Pair, tmp_path: Path) -> None:
    master = secrets.token_urlsafe(32)
    urls = {"REDIS_URL": pair.state, "REDIS_CACHE_URL": pair.cache, "REDIS_TIMEOUT": "5"}
    house = House(tmp_path, {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": master, "TIERS": TIERS, **urls})
    keys = [house.create(f"user{number}", "--tier", "free")["key"] for number in range(3)]
    with server(tmp_path, **house.settings) as url:
        watches = [
            await ask(url, key, "watch_keywords", action="create", keywords=["lua"], check_interval=60) for key in keys
        ]
        asked = {"subreddit": "all", "limit": 25}
        posts = (await ask(url, keys[0], "get_subreddit_posts", **asked))["posts"]
        before = await state(pair)
        await fill(pair, 2 * MEGABYTES * 1_000_000 // ANSWER_BYTES)
        assert await evicted(pair) > 0
        assert await state(pair) == before
        again = await ask(url, keys[0], "get_subreddit_posts", **asked, sort="new")
        assert "degraded" not in again["metadata"]
        for number, (key, watch) in enumerate(zip(keys, watches, strict=True)):
            listed = await ask(url, key, "watch_keywords", action="list")
            assert [each["watch_id"] for each in listed["watches"]] == [watch["watch"]["watch_id"]]
            # every call of this caller counts: creating and listing; the first one has asked for posts twice
            assert listed["metadata"]["rate_limit_remaining"] == 1_000 - (4 if number == 0 else 2)
    assert len(posts) == len((again)["posts"]) == 25
    with server(tmp_path, **house.settings) as url:
        for key in keys:
            assert len((await ask(url, key, "watch_keywords", action="list"))["watches"]) == 1


def test_the_doctor_tells_the_two_stores_apart(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(settings(pair)) == 0
    shown = capsys.readouterr().out
    assert "without an append-only file" not in shown
    assert "(REDIS_CACHE_URL)" in shown
    assert doctor(settings(pair, redis_url=SecretStr(pair.cache))) == 1
    assert "FAIL  redis: it evicts keys when its memory is full (allkeys-lru)" in capsys.readouterr().out
