"""Quotas against their rules in whole numbers, under a clock that the test holds."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from fakeredis import FakeServer
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.limits.quota_counters import Left, QuotaCounters, Spent, nearest
from reddit_mcp.storage.limits.quota_scripts import CALENDAR
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.lua_scripts import Script
from reddit_mcp.tiers import DEFAULTS, WINDOWS, Tier
from tests.support.quotas import Clock, Model
from tests.support.redis_store import PREFIX, assert_no_leaks, fake_store

SECOND = 1_000_000
NOON = 1_792_238_400 * SECOND
TIERS = {
    "ada": Tier(minute=7, hour=12, day=25, month=40),
    "bea": Tier(minute=3, hour=30, day=31, month=None),
    "cyd": Tier(minute=None, hour=4, day=None, month=9),
}


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock(NOON)
    with clock.ruling():
        yield clock


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with fake_store() as store:
        yield store


class QuotaMachine(RuleBasedStateMachine):
    """Callers of different tiers spend, look and get back; time passes; every answer is the model's."""

    @initialize(start=st.integers(NOON, NOON + 400 * 86_400 * SECOND))
    def open(self, start: int) -> None:
        self.clock, self.stack, self.runner = Clock(start), ExitStack(), asyncio.Runner()
        self.stack.enter_context(self.clock.ruling())
        self.stack.enter_context(self.runner)
        self.quotas = QuotaCounters(fake_store())
        self.models = {name: Model(tier) for name, tier in TIERS.items()}
        self.spent: list[Spent] = []

    @rule(micro=st.integers(0, 30 * SECOND))
    def a_moment_passes(self, micro: int) -> None:
        self.clock.now += micro

    @rule(hours=st.sampled_from([1, 5, 24, 24 * 29, 24 * 31]))
    def a_long_time_passes(self, hours: int) -> None:
        self.clock.now += hours * 3_600 * SECOND

    @rule(name=st.sampled_from(sorted(TIERS)), weight=st.integers(1, 3), times=st.integers(1, 6))
    def somebody_spends(self, name: str, weight: int, times: int) -> None:
        for _ in range(times):
            model = self.models[name]
            spent = self.runner.run(self.quotas.spend(name, TIERS[name], weight))
            assert spent.at == self.clock.now
            assert (spent.refused.window if spent.refused else None) == model.spend(self.clock.now, weight)
            if spent.refused is None:
                self.spent.append(spent)
            else:
                assert spent.refused.wait > 0

    @rule(choice=st.randoms(use_true_random=False))
    def somebody_gets_it_back(self, choice: random.Random) -> None:
        if self.spent:
            spent = self.spent.pop(choice.randrange(len(self.spent)))
            self.runner.run(self.quotas.refund(spent))
            self.models[spent.caller].refund(spent.at, spent.weight)

    @invariant()
    def what_is_left_is_what_the_model_says(self) -> None:
        for name, tier in TIERS.items():
            windows = self.runner.run(self.quotas.look(name, tier))
            assert [window.window for window in windows] == [name for name in WINDOWS if getattr(tier, name)]
            for window in windows:
                assert window.left == self.models[name].left(window.window, self.clock.now)
                assert (window.wait == 0) == (window.left > 0)

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()


QuotaMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
test_quotas_follow_the_model = QuotaMachine.TestCase


async def spend(quotas: QuotaCounters, tier: Tier, times: int, weight: int = 1) -> list[Spent]:
    return [await quotas.spend("ada", tier, weight) for _ in range(times)]


async def test_a_full_bucket_and_then_the_rate(store: Store, clock: Clock) -> None:
    quotas, tier = QuotaCounters(store), Tier(minute=10)
    assert [bool(spent.refused) for spent in await spend(quotas, tier, 12)] == [False] * 10 + [True] * 2
    clock.now += 6 * SECOND - 1
    assert (await quotas.spend("ada", tier, 1)).refused == Left("minute", 10, 0, reset=54.001, wait=0.001)
    clock.now += 1
    assert (await quotas.spend("ada", tier, 1)).refused is None
    clock.now += 3_600 * SECOND
    assert [bool(spent.refused) for spent in await spend(quotas, tier, 11)] == [False] * 10 + [True]


async def test_a_refused_call_spends_nothing_anywhere(store: Store, clock: Clock) -> None:
    quotas, tier = QuotaCounters(store), Tier(minute=10, hour=4, day=100, month=100)
    await spend(quotas, tier, 4)
    before = await quotas.look("ada", tier)
    refused = (await spend(quotas, tier, 3))[-1].refused
    assert refused
    assert refused.window == "hour"
    assert await quotas.look("ada", tier) == before
    assert [window.left for window in before] == [6, 0, 96, 96]


async def test_of_several_windows_the_longest_refuses(store: Store, clock: Clock) -> None:
    clock.at("2027-02-28T22:59:59")
    quotas, tier = QuotaCounters(store), Tier(minute=2, hour=2, day=2, month=2)
    refused = (await spend(quotas, tier, 3))[-1].refused
    assert refused == Left("month", 2, 0, reset=3_601.0, wait=3_601.0)


async def test_the_windows_end_with_the_calendar(store: Store, clock: Clock) -> None:
    clock.at("2028-02-29T23:59:59")
    tier = DEFAULTS["free"]
    spent = (await spend(QuotaCounters(store), tier, 2))[-1]
    assert {window.window: window.reset for window in spent.windows} == {
        "minute": 12.0,
        "hour": 1.0,
        "day": 1.0,
        "month": 1.0,
    }
    clock.now += SECOND
    assert [window.left for window in await QuotaCounters(store).look("ada", tier)] == [8, 300, 2_000, 10_000]


async def test_a_heavy_call_takes_its_weight_of_the_minute_and_one_of_the_rest(store: Store, clock: Clock) -> None:
    quotas, tier = QuotaCounters(store), Tier(minute=10, hour=100)
    first, second, third = await spend(quotas, tier, 3, weight=4)
    assert [window.left for window in second.windows] == [2, 98]
    assert second.windows[0].wait == 12.0
    assert third.refused
    assert [window.left for window in first.given_back] == [10, 100]


async def test_given_back_in_the_next_month_is_of_no_use(store: Store, clock: Clock) -> None:
    clock.at("2026-12-31T23:59:59")
    quotas, tier = QuotaCounters(store), DEFAULTS["free"]
    spent = await quotas.spend("ada", tier, 1)
    clock.now += SECOND
    await quotas.spend("ada", tier, 1)
    await quotas.refund(spent)
    assert [window.left for window in await quotas.look("ada", tier)] == [9, 299, 1_999, 9_999]


async def test_without_enforcement_everything_is_counted_and_nothing_owed(store: Store, clock: Clock) -> None:
    quotas, tier = QuotaCounters(store), Tier(minute=2, hour=3)
    spent = [await quotas.spend("ada", tier, 1, enforce=False) for _ in range(5)]
    assert [each.refused.window if each.refused else None for each in spent] == [None, None, "minute", "hour", "hour"]
    assert [window.left for window in spent[-1].windows] == [0, 0]
    clock.now += 30 * SECOND
    assert (await quotas.look("ada", tier))[0].left == 1


async def test_a_clock_that_goes_back_blocks_nobody(store: Store, clock: Clock) -> None:
    quotas, tier = QuotaCounters(store), Tier(minute=10)
    await spend(quotas, tier, 9)
    clock.now -= 7_200 * SECOND
    first, second = await spend(quotas, tier, 2)
    assert (first.refused, second.refused and second.refused.wait) == (None, 6.0)


async def test_a_change_of_tier_counts_at_once(store: Store, clock: Clock) -> None:
    quotas = QuotaCounters(store)
    await spend(quotas, Tier(minute=10, hour=20), 10)
    assert (await quotas.spend("ada", Tier(hour=20), 1)).refused is None
    unmetered = await quotas.spend("ada", Tier(hour=20), 1)
    await quotas.refund(unmetered)
    assert [window.left for window in await quotas.look("ada", Tier(minute=50, hour=50))] == [0, 39]
    clock.now += 6 * SECOND
    assert (await quotas.look("ada", Tier(minute=50)))[0].left == 5


async def test_callers_do_not_meet(store: Store, clock: Clock) -> None:
    quotas, tier = QuotaCounters(store), Tier(minute=1)
    for name in ("ada", "Ada", "a:da", "{ada}", "ada}", ""):
        assert (await quotas.spend(name, tier, 1)).refused is None
        assert (await quotas.spend(name, tier, 1)).refused


async def test_the_keys_expire_and_a_look_makes_none(store: Store, clock: Clock) -> None:
    quotas = QuotaCounters(store)
    await quotas.look("ada", DEFAULTS["free"])
    async with store.visit() as redis:
        assert await redis.keys("*") == []
        spent = await quotas.spend("ada", DEFAULTS["free"], 1)
        await quotas.refund(spent)
        assert await redis.ttl(f"{PREFIX}quota:{{ada}}") == 32 * 86_400
        await assert_no_leaks(redis, PREFIX)


async def test_what_is_not_known_any_more_cannot_be_given_back(store: Store, clock: Clock) -> None:
    quotas = QuotaCounters(store)
    spent = await quotas.spend("ada", DEFAULTS["free"], 1)
    async with store.visit() as redis:
        await redis.flushall()
    await quotas.refund(spent)
    async with store.visit() as redis:
        assert await redis.keys("*") == []


async def test_the_largest_tier_is_exact(store: Store, clock: Clock) -> None:
    """Every number stays below 2^53, up to which a double is exact."""
    quotas, tier, model = QuotaCounters(store), Tier(minute=100_000_000), Model(Tier(minute=100_000_000))
    for micro in (1, 7, 999_983, 0, 3):
        clock.now += micro
        for weight in (99_999_999, 1, 2):
            spent = await quotas.spend("ada", tier, weight)
            assert bool(spent.refused) == bool(model.spend(clock.now, weight))
            assert spent.windows[0].left == model.left("minute", clock.now)


def test_the_nearest_window_is_the_one_to_heed() -> None:
    minute, hour = Left("minute", 10, 3, 42.0), Left("hour", 100, 3, 1_800.0)
    assert nearest([minute, hour, Left("day", 300, 8, 9_000.0)]) == hour
    assert nearest([]) is None


async def test_redis_away_is_said(clock: Clock) -> None:
    server = FakeServer()
    async with fake_store(server) as store:
        server.connected = False
        with pytest.raises(Unavailable):
            await QuotaCounters(store).spend("ada", DEFAULTS["free"], 1)


MONTHS = Script(
    CALENDAR
    + """
local found = {}
for i, day in ipairs(ARGV) do
  local month = month_of(tonumber(day))
  found[2 * i - 1], found[2 * i] = month, first_day(month + 1)
end
return found
"""
)


async def test_the_calendar_is_pythons(store: Store) -> None:
    """The first and last day of every month of four hundred years, after which the calendar repeats."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    firsts = [(datetime(1970 + n // 12, n % 12 + 1, 1, tzinfo=UTC) - epoch).days for n in range(12 * 401)]
    days = [day for first, following in pairwise(firsts) for day in (first, following - 1)]
    async with store.visit() as redis:
        runs = [await MONTHS.run(redis, [], days[start : start + 4_000]) for start in range(0, len(days), 4_000)]
    found = [number for run in runs for number in run]
    for number, (first, following) in enumerate(pairwise(firsts)):
        assert found[4 * number : 4 * number + 4] == [1970 * 12 + number, following] * 2, first
