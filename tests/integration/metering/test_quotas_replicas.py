"""Quotas on a real server: three processes, fifty calls at once in each, users of different tiers; exact for each."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from reddit_mcp.storage.limits.quota_counters import QuotaCounters, Spent
from reddit_mcp.tiers import Tier
from tests.support import redis_cluster
from tests.support.quotas import UNIT, Model, windows_at
from tests.support.request_budget import redis_server, store_at

PROCESSES, SECONDS = 3, 1.5
Outcome = tuple[str, int, str | None]


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with redis_server(tmp_path) as url:
        yield url


async def outcomes(url: str, tiers: Mapping[str, Tier]) -> list[Outcome]:
    """What three processes got that called in these users' names, in the order of the server's clock."""
    users = json.dumps({name: tier.model_dump() for name, tier in tiers.items()})
    words = (sys.executable, "-m", "tests.support.quota_replica", url, users, str(SECONDS))
    pipe, root = asyncio.subprocess.PIPE, Path(__file__).parents[3]
    replicas = [
        await asyncio.create_subprocess_exec(*words, cwd=root, stdin=pipe, stdout=pipe) for _ in range(PROCESSES)
    ]
    for replica in replicas:
        assert replica.stdout
        assert await replica.stdout.readline() == b"ready\n"
    printed = await asyncio.gather(*(replica.communicate(b"\n") for replica in replicas))
    found = [(name, at, refused) for out, _ in printed for name, at, refused in json.loads(out)]
    # of calls in the same microsecond those that were allowed came first
    return sorted(found, key=lambda outcome: (outcome[1], outcome[2] is not None))


def of(user: str, found: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in found if outcome[0] == user]


def granted(found: list[Outcome]) -> int:
    return sum(refused is None for _, _, refused in found)


def by_the_rule(tier: Tier, found: list[Outcome]) -> int:
    """Capacity and elapsed time times rate, in whole tokens."""
    minute, elapsed = tier.minute or 0, found[-1][1] - found[0][1]
    return (minute * UNIT + elapsed * minute) // UNIT


async def test_each_user_gets_capacity_and_elapsed_time_times_rate(url: str) -> None:
    tiers = {"ada": Tier(minute=60), "bea": Tier(minute=300)}
    found = await outcomes(url, tiers)
    for user, tier in tiers.items():
        own = of(user, found)
        assert len(own) > granted(own) + 50, "nobody was refused, so nothing was tried"
        assert granted(own) == by_the_rule(tier, own)
        model = Model(tier)
        assert [refused for _, _, refused in own] == [model.spend(at) for _, at, _ in own]


async def test_each_user_gets_the_calls_of_hour_day_and_month(url: str) -> None:
    tiers = {"ada": Tier(hour=70, day=300), "bea": Tier(day=90, month=5_000), "cyd": Tier(hour=500, month=130)}
    found = await outcomes(url, tiers)
    for (user, tier), (window, limit) in zip(tiers.items(), (("hour", 70), ("day", 90), ("month", 130)), strict=True):
        own = of(user, found)
        tried = Counter(windows_at(at)[window] for _, at, _ in own)  # two, should the hour end just now
        assert sum(tried.values()) > limit + 50
        assert granted(own) == sum(min(limit, calls) for calls in tried.values())
        model = Model(tier)
        assert [refused for _, _, refused in own] == [model.spend(at) for _, at, _ in own]


async def test_what_all_replicas_give_back_is_there_again(url: str) -> None:
    tier = Tier(minute=50, hour=50, day=1_000, month=1_000)

    async def replica() -> list[Spent]:
        async with store_at(url) as store:
            quotas = QuotaCounters(store)
            spent = await asyncio.gather(*(quotas.spend("ada", tier, 1) for _ in range(30)))
            taken = [each for each in spent if not each.refused]
            await asyncio.gather(*(quotas.refund(each) for each in taken))
            return taken

    assert sum(map(len, await asyncio.gather(*(replica() for _ in range(4))))) >= 50
    async with store_at(url) as store:
        left = await QuotaCounters(store).look("ada", tier)
    assert [window.left for window in left] == [50, 50, 1_000, 1_000]


@pytest.mark.skipif(redis_cluster.wanted(), reason="a cluster's nodes count their commands each for itself")
async def test_a_call_is_one_command(url: str) -> None:
    async with store_at(url) as store:
        quotas = QuotaCounters(store)
        await quotas.spend("ada", Tier(minute=50), 1)  # which finds out about the server, and brings the script
        async with store.visit() as redis:
            await redis.config_resetstat()
        for _ in range(20):
            await quotas.spend("ada", Tier(minute=50), 1)
        async with store.visit() as redis:
            counted = await redis.info("commandstats")
    inside = ("time", "hmget", "hset", "expire", "config|resetstat", "info")  # what the script calls, and this test
    ours = {name: facts["calls"] for name, facts in counted.items() if name.removeprefix("cmdstat_") not in inside}
    assert ours == {"cmdstat_evalsha": 20}
