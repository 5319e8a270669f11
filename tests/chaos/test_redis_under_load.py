"""Redis is stopped, killed and started again under a server that eight callers at once keep busy."""

import asyncio
import json
import os
import secrets
import signal
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from tests.support.asgi_requests import JSON, call
from tests.support.keyed_servers import House
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import answering, assert_no_leaks, free_port, running_server
from tests.support.server_process import server

CALLERS = 8
PAUSE = 0.1
"""Seconds between two calls of one caller."""

AWAY_SECONDS = 6.0
TIMEOUT = 2.0
"""What a visit to a Redis that is away costs (REDIS_TIMEOUT): many times what a call takes on a busy machine."""

MINUTE = 20
PLENTY = {"minute": 1_000_000, "hour": 1_000_000, "day": 1_000_000, "month": 1_000_000}
TIERS = json.dumps({"free": {**PLENTY, "minute": MINUTE}, "business": PLENTY})


@dataclass
class Load:
    """Calls of one caller, eight at once, a tenth of them about something new.

    Attributes:
        calls: when each ended, how long it took, and its error (None for an answer).
    """

    url: str
    key: str
    client: httpx.AsyncClient
    calls: list[tuple[float, float, str | None]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    is_ending: bool = False

    async def ask(self, tool: str, key: str = "", **arguments: Any) -> str | None:
        """The type of the call's error."""
        headers = {**JSON, "X-API-Key": key or self.key}
        answer = await self.client.post(f"{self.url}/mcp", headers=headers, json=call(tool, **arguments))
        if answer.status_code != 200:
            return f"HTTP {answer.status_code}"
        self.asked[key or self.key] += 1
        content = answer.json()["result"]["structuredContent"]
        return str(content["error"]["type"]) if "error" in content else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as callers:
            for number in range(CALLERS):
                callers.create_task(self._call(number))
            try:
                yield
            finally:
                self.is_ending = True

    async def _call(self, number: int) -> None:
        count = 0
        while not self.is_ending:
            started, count = time.monotonic(), count + 1
            if count % 10 == number:
                error = await self.ask("search_reddit", query=f"python {number} {count}")
            else:
                error = await self.ask("get_subreddit_posts", subreddit="all", limit=1 + count % 25)
            self.calls.append((time.monotonic(), time.monotonic() - started, error))
            await asyncio.sleep(PAUSE)

    def since(self, start: float) -> "Spell":
        return Spell([(seconds, error) for ended, seconds, error in self.calls if ended >= start])

    async def more(self, calls: int) -> None:
        """Until so many more calls have ended."""
        target = len(self.calls) + calls
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.calls) < target:  # noqa: ASYNC110 - the load tells nobody
                await asyncio.sleep(0.02)


@dataclass
class Spell:
    """The calls of a stretch of time."""

    calls: list[tuple[float, str | None]]

    @property
    def errors(self) -> Counter[str]:
        return Counter(error for _, error in self.calls if error)

    @property
    def median(self) -> float:
        return statistics.median(seconds for seconds, _ in self.calls)


@pytest.fixture
def house(tmp_path: Path) -> House:
    master, port = secrets.token_urlsafe(32), free_port()
    url = f"redis://127.0.0.1:{port}"
    return House(
        tmp_path,
        {
            "AUTH_MODE": "api_key",
            "MCP_MASTER_KEY": master,
            "TIERS": TIERS,
            "REDIS_URL": url,
            "REDIS_TIMEOUT": str(TIMEOUT),
        },
    )


def redis_of(house: House) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """The server of the house; what it was told survives its end."""
    folder = house.data_dir / "redis"
    folder.mkdir(exist_ok=True)
    port = house.settings["REDIS_URL"].rpartition(":")[2]
    return running_server(folder, "--port", port, "--bind", "127.0.0.1", "--appendonly", "yes")


async def becomes(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def endure(load: Load, limited: str) -> None:
    """Redis is away: nobody's call fails, nobody waits much, and a limit is still one."""
    started = time.monotonic()
    outcomes = [await load.ask("get_subreddit_posts", limited, subreddit="all") for _ in range(2 * MINUTE)]
    elapsed = time.monotonic() - started
    granted = outcomes.count(None)
    assert set(outcomes) == {None, "rate_limited"}
    assert 0 < granted <= MINUTE + elapsed * MINUTE / 60 + 1
    assert await load.ask("watch_keywords", action="list") == "unavailable"
    assert await load.ask("get_subreddit_posts", "rmcp_" + "x" * 43, subreddit="all") == "HTTP 503"
    health = (await load.client.get(f"{load.url}/health")).json()
    assert health["status"] == "degraded"
    await load.more(120)
    while time.monotonic() < started + AWAY_SECONDS:
        await load.more(CALLERS)
    spell = load.since(started)
    assert not spell.errors
    assert spell.median < TIMEOUT, "the usual call does not wait for the Redis that is away"


async def test_nothing_fails_and_nothing_is_lost(house: House) -> None:
    async with AsyncExitStack() as stack:
        async with redis_of(house) as redis:
            await answering(house.settings["REDIS_URL"])
            key, limited = (house.create(tier, "--tier", tier)["key"] for tier in ("business", "free"))
            url = stack.enter_context(server(house.data_dir, **house.settings))
            client = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE_SECONDS))
            load = Load(url, key, client)
            await stack.enter_async_context(load.running())
            await warm(load)
            assert await load.ask("get_subreddit_posts", limited, subreddit="all") is None
            os.kill(redis.pid, signal.SIGSTOP)
            try:
                await endure(load, limited)
            finally:
                os.kill(redis.pid, signal.SIGCONT)
            await recovered(house, load)
        await endure(load, limited)  # with the end of its context the server was killed
        async with redis_of(house):
            await recovered(house, load)
            load.is_ending = True
            for each in (key, limited):
                await becomes(lambda each=each: is_counted(load, each))  # type: ignore[misc]
            await stack.aclose()
            async with Redis.from_url(house.settings["REDIS_URL"]) as client_of_redis:
                await assert_no_leaks(client_of_redis, "reddit_mcp:")


async def warm(load: Load) -> None:
    """Until everything that is asked often has been asked."""
    await load.more(200)
    assert not load.since(0).errors


async def recovered(house: House, load: Load) -> None:
    """Everything is as before within seconds: what needs the store, what it counts, and the health."""
    await answering(house.settings["REDIS_URL"])

    async def is_well() -> bool:
        health = await load.client.get(f"{load.url}/health")
        if health.json()["status"] != "healthy" or await load.ask("watch_keywords", action="list"):
            return False
        return await load.ask("search_reddit", query=f"anew {time.monotonic()}") is None

    await becomes(is_well)
    assert await load.ask("get_subreddit_posts", "rmcp_" + "x" * 43, subreddit="all") == "HTTP 401"
    async with Redis.from_url(house.settings["REDIS_URL"]) as redis:
        before = await spent(redis)
        start = time.monotonic()
        await load.more(20)
        assert await spent(redis) >= before + 20 - CALLERS, "quotas are shared again"
    assert not load.since(start).errors


async def spent(redis: Redis) -> int:
    """The calls of the load that the store has counted this month."""
    return int(await redis.hget("reddit_mcp:quota:{business}", "n4") or 0)


async def is_counted(load: Load, key: str) -> bool:
    """Whether the usage of a caller, once written, is every call it made."""
    answer = await load.client.get(f"{load.url}/usage", headers={"X-API-Key": key})
    days = answer.json()["days"]
    return sum(sum(day["calls"].values()) for day in days) == load.asked[key]
