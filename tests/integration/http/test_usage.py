"""Usage: counted off the path, written in batches, never lost and never doubled; the route and the command over it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from fakeredis import FakeServer
from redis.exceptions import ConnectionError as RedisConnectionError
from starlette.applications import Starlette

from reddit_mcp.errors import NotFound, Unavailable, UpstreamError
from reddit_mcp.http.routes.usage_routes import usage_routes
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.storage.accounting import usage_records as module
from reddit_mcp.storage.accounting import usage_records as usage_module
from reddit_mcp.storage.accounting.usage_records import Day, UsageRecords
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.lua_scripts import Script
from reddit_mcp.upstream.source import Answer
from tests.support.patience import PATIENCE_SECONDS
from tests.support.quotas import FREE, House, Named
from tests.support.redis_store import PREFIX, answering, assert_no_leaks, free_port, running_server, until
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414
from tests.support.request_budget import becomes, store_at
from tests.support.server_process import listening

TODAY = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)


class Days:
    """A calendar that a test holds."""

    def __init__(self) -> None:
        self.now = TODAY

    def __call__(self) -> datetime:
        return self.now


async def test_days_by_kind_the_newest_first(store: Store) -> None:
    days = Days()
    async with UsageRecords(store, days) as usage:
        days.now -= timedelta(days=1)
        usage.note("ada", "calls:search_reddit")
        days.now += timedelta(days=1)
        for what in ("calls:search_reddit", "calls:search_reddit", "errors:not_found", "charged:tool-call"):
            usage.note("ada", what)
        usage.note("bea", "calls:get_user_info")
    assert await UsageRecords(store, days).of("ada") == (
        Day("2026-03-01", {"search_reddit": 2}, {"not_found": 1}, {"tool-call": 1}),
        Day("2026-02-28", {"search_reddit": 1}, {}, {}),
    )
    assert await UsageRecords(store, days).of("nobody") == ()
    assert await UsageRecords(store, days).callers() == ("ada", "bea")
    days.now += timedelta(days=31)
    assert await UsageRecords(store, days).of("ada") == ()
    assert await UsageRecords(store, days).callers() == ()


async def test_it_is_kept_for_a_year(store: Store) -> None:
    async with UsageRecords(store, Days()) as usage:
        usage.note("ada", "calls:search_reddit")
    async with store.visit() as redis:
        keys = await redis.keys("*")
        assert sorted(keys) == [b"test:usage-users:{2026-03-01}", b"test:usage:{ada%3A2026-03-01}"]
        assert {await redis.ttl(key) for key in keys} == {365 * 86_400}
        await assert_no_leaks(redis, PREFIX)


async def test_many_calls_are_one_batch(store: Store) -> None:
    async with UsageRecords(store) as usage:
        for _ in range(1_000):
            usage.note("ada", "calls:search_reddit")
        with patch.object(Script, "run", autospec=True, side_effect=Script.run) as ran:
            await usage.flush()
            await usage.flush()
        assert ran.call_count == 1


async def test_it_is_written_while_the_process_runs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    async with UsageRecords(store) as usage:
        for number in range(1, 4):
            usage.note("ada", "calls:search_reddit")

            async def is_there(calls: int = number) -> bool:
                days = await usage.of("ada")
                return bool(days) and days[0].calls == {"search_reddit": calls}

            await becomes(is_there)


async def test_a_batch_whose_answer_was_lost_counts_once(store: Store) -> None:
    run = Script.run

    async def deaf(*arguments: Any) -> None:
        await run(*arguments)
        raise RedisConnectionError("the line broke")

    usage = UsageRecords(store)
    usage.note("ada", "calls:search_reddit")
    with patch.object(Script, "run", deaf), pytest.raises(Unavailable):
        await usage.flush()
    usage.note("ada", "calls:search_reddit")
    with patch("reddit_mcp.storage.redis.connection.time.monotonic", lambda: float("inf")):
        await usage.flush()
        await usage.flush()
    async with UsageRecords(store) as other:  # another process counts on its own
        other.note("ada", "calls:search_reddit")
    assert (await usage.of("ada"))[0].calls == {"search_reddit": 3}


async def test_the_last_word_waits_for_redis(store: Store, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reddit_mcp.storage.redis.connection.AWAY_SECONDS", 0.0)
    async with UsageRecords(store) as usage:
        server.connected = False
        usage.note("ada", "calls:search_reddit")
        asyncio.get_running_loop().call_later(0.4, setattr, server, "connected", True)
    assert (await usage.of("ada"))[0].calls == {"search_reddit": 1}


async def test_a_redis_that_stays_away_does_not_hold_the_end_up(
    store: Store, server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "LAST_WORD_SECONDS", 0.1)
    server.connected = False
    async with asyncio.timeout(PATIENCE_SECONDS), UsageRecords(store) as usage:
        usage.note("ada", "calls:search_reddit")
    assert "usage_lost" in capsys.readouterr().out


async def test_the_memory_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    async with UsageRecords(store) as usage:
        for name in ("ada", "bea", "cyd", "ada"):
            usage.note(name, "calls:search_reddit")
    assert await usage.callers() == ("ada", "bea")
    assert (await usage.of("ada"))[0].calls == {"search_reddit": 2}


class Counting:
    """Two processes' worth of usage, counted until it is told to end.

    Attributes:
        noted: calls so far.
    """

    def __init__(self, *stores: Store) -> None:
        self.noted = 0
        self._usages = [UsageRecords(store) for store in stores]
        self._ended = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self._usages[0], self._usages[1]:
            tasks = [asyncio.create_task(self._count(usage)) for usage in self._usages]
            yield
            self._ended.set()
            await asyncio.gather(*tasks)

    async def written(self) -> int:
        try:
            return sum(day.calls["search_reddit"] for day in await self._usages[0].of("ada"))
        except Unavailable:
            return -1

    async def more_is_written(self) -> None:
        before = self.noted

        async def is_more() -> bool:
            return await self.written() > before

        await becomes(is_more)

    async def more_is_noted(self) -> None:
        before = self.noted
        await until(lambda: self.noted > before + 20)

    async def _count(self, usage: UsageRecords) -> None:
        while not self._ended.is_set():
            usage.note("ada", "calls:search_reddit")
            self.noted += 1
            await asyncio.sleep(0.001)


async def test_nothing_is_lost_or_doubled_when_redis_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed again and again, and started on its append-only file, while calls are counted."""
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr("reddit_mcp.storage.redis.connection.AWAY_SECONDS", 0.02)
    url = f"redis://127.0.0.1:{(port := free_port())}"
    options = ("--port", str(port), "--appendonly", "yes", "--appendfsync", "always")
    async with store_at(url) as one, store_at(url) as other:
        counting = Counting(one, other)
        async with AsyncExitStack() as last:
            async with counting.running():
                for _ in range(3):
                    async with running_server(tmp_path, *options):
                        await answering(url)
                        await counting.more_is_written()
                    await counting.more_is_noted()
                await last.enter_async_context(running_server(tmp_path, *options))
                await answering(url)
            assert await counting.written() == counting.noted


@asynccontextmanager
async def page(house: House, caller: Caller | None) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=usage_routes(lambda: house.usage, lambda: house.quota))
    async with listening(Named(app, caller)) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


async def test_the_page_shows_the_callers_own(store: Store) -> None:
    house, pia = House(store), Caller(id="pia", tier="pro")
    await house.call()
    house.upstream.answer = lambda: NotFound("no such community")
    await house.call()
    await house.call(pia)
    house.upstream.answer = lambda: UpstreamError("Reddit broke")
    await house.call(FREE)
    await house.usage.flush()
    async with page(house, FREE) as client:
        answer = await client.get("/usage")
        assert (await client.post("/usage")).status_code == 405
    assert answer.headers["cache-control"] == "no-store"
    content = answer.json()
    assert (content["user"], content["tier"]) == ("ada", "free")
    assert [(each["window"], each["limit"], each["remaining"]) for each in content["quota"]] == [
        ("minute", 10, 8),
        ("hour", 300, 298),
        ("day", 2_000, 1_998),
        ("month", 10_000, 9_998),
    ]
    (day,) = content["days"]
    assert day == {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "calls": {"get_subreddit_info": 3},
        "errors": {"not_found": 1, "upstream_error": 1},
        "charged": {},
    }


async def test_a_refused_call_and_one_that_hangs_up_are_calls(store: Store) -> None:
    house, arrived = House(store), asyncio.Event()
    for _ in range(11):
        await house.call()

    async def never() -> Answer[Any]:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    house.upstream.answer = never
    call = asyncio.create_task(house.call(LOCAL))
    await arrived.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await house.usage.flush()
    (day,) = await house.usage.of("ada")
    assert (day.calls, day.errors) == ({"get_subreddit_info": 11}, {"rate_limited": 1})
    assert (await house.usage.of("local"))[0].calls == {"get_subreddit_info": 1}


async def test_the_local_caller_has_no_quota(store: Store) -> None:
    async with page(House(store), None) as client:
        assert (await client.get("/usage")).json() == {
            "user": "local",
            "tier": "unlimited",
            "quota": None,
            "days": [],
        }


async def test_redis_away_is_a_503(store: Store, server: FakeServer) -> None:
    server.connected = False
    async with page(House(store), FREE) as client:
        answer = await client.get("/usage")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"]["data"]["reason"] == "store_away"


async def test_strangers_have_a_bounded_number_of_counts_that_end_sooner(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_module, "MOST_STRANGERS", 2)
    async with UsageRecords(store, Days()) as usage:
        for number in range(5):
            usage.note(f"anonymous:{number}", "calls:search_reddit")
        usage.note("ada", "calls:search_reddit")
    assert await UsageRecords(store, Days()).callers() == ("ada", "anonymous:0", "anonymous:1", "anonymous:others")
    (others,) = await UsageRecords(store, Days()).of("anonymous:others")
    assert others.calls == {"search_reddit": 3}
    async with store.visit() as redis:
        lives = {key: await redis.ttl(key) async for key in redis.scan_iter(match="*usage:*")}
    assert {seconds > 8 * 86_400 for key, seconds in lives.items() if b"anonymous" in key} == {False}
    assert {seconds > 360 * 86_400 for key, seconds in lives.items() if b"ada" in key} == {True}
