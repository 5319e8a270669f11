"""Reddit's budget on a real server: exact over replicas, by priority, corrected by what Reddit says."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.crc import key_slot

from reddit_mcp.storage.limits.request_budget import News, SlidingWindow, Verdict
from reddit_mcp.storage.redis.connection import Store
from tests.support.redis_store import matching, redis_at
from tests.support.request_budget import census, redis_server, store_at, window

CRITICAL, HIGH, NORMAL, LOW = range(4)


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with redis_server(tmp_path) as url:
        yield url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with store_at(url) as store:
        yield store


async def take(budget: SlidingWindow, name: object, **waiting: float) -> Verdict:
    verdict = await budget.take(str(name), census(**waiting))  # type: ignore[arg-type]
    assert verdict
    return verdict


async def test_it_grants_the_limit_and_not_one_more(store: Store) -> None:
    budget = window(store, limit=5)
    granted = [await take(budget, i, high=9) for i in range(5)]
    assert [(verdict.granted, verdict.free) for verdict in granted] == [(HIGH, 4 - i) for i in range(5)]
    refused = await take(budget, "more", high=4)
    assert refused.granted is None
    assert 30 < refused.wait <= 61
    assert len(refused.returns) == 5
    assert refused.returns[0] == pytest.approx(refused.wait, abs=0.001)


async def test_its_keys_share_a_node_of_a_cluster(store: Store) -> None:
    assert len({key_slot(key.encode()) for key in window(store)._keys}) == 1


async def test_a_token_returns_after_the_span(store: Store) -> None:
    budget = window(store, limit=1, span=1.0)
    await take(budget, "first", high=1)
    started = time.monotonic()
    verdict = await take(budget, "second", high=1)
    await asyncio.sleep(verdict.wait)
    assert (await take(budget, "third", high=1)).granted == HIGH
    assert time.monotonic() - started >= 0.98


async def test_replicas_share_it_exactly(url: str) -> None:
    async def replica(number: int) -> int:
        async with store_at(url) as store:
            budget = window(store, f"replica-{number}", limit=100)
            return sum([(await take(budget, f"{number}-{i}", high=1)).granted is not None for i in range(30)])

    assert sum(await asyncio.gather(*(replica(number) for number in range(8)))) == 100


async def test_no_token_without_a_place(store: Store) -> None:
    assert (await take(window(store), "a", high=1, places=0)).granted is None


async def test_the_better_class_goes_first(store: Store) -> None:
    budget = window(store)
    assert (await take(budget, "a", low=1, normal=1, high=1, critical=1)).granted == CRITICAL
    assert (await take(budget, "b", low=1, normal=1, high=1)).granted == HIGH


async def test_low_and_normal_are_paced_together_and_high_may_burst(store: Store) -> None:
    budget = window(store, limit=100)
    assert (await take(budget, "a", low=1)).granted == LOW
    paced = await take(budget, "b", normal=1, low=1)
    assert paced.granted is None
    assert 0.2 < paced.wait <= 0.61
    assert paced.interval == pytest.approx(0.61, abs=0.001)
    assert [(await take(budget, i, high=1)).granted for i in range(20)] == [HIGH] * 20


async def test_what_high_takes_low_has_to_wait_for(store: Store) -> None:
    budget = window(store, limit=100)
    for i in range(10):
        await take(budget, i, high=1)
    assert 3 < (await take(budget, "low", low=1)).wait <= 6.1 - 0.25 + 0.1


async def test_somebody_better_in_another_process_goes_first(store: Store) -> None:
    one, other = window(store, "one", limit=2, span=1.5), window(store, "other", limit=2, span=1.5)
    for i in range(2):
        await take(one, i, high=1)
    assert (await take(other, "x", high=2)).granted is None  # and is known to wait now
    await asyncio.sleep(1.51)
    assert (await take(one, "y", normal=1)).granted is None
    assert (await take(other, "z", high=2)).granted == HIGH


async def test_who_has_no_place_holds_nobody_back(store: Store) -> None:
    one, other = window(store, "one"), window(store, "other")
    await take(other, "x", high=5, places=0)
    assert (await take(one, "y", low=1)).granted == LOW


async def test_a_starved_class_goes_before_all_others(store: Store) -> None:
    budget = window(store, limit=100, span=1.0)  # ten intervals are 0.1 s
    assert (await take(budget, "a", high=9, low=1, waited=0.05)).granted == HIGH
    await asyncio.sleep(0.02)  # the pace that the first token set
    assert (await take(budget, "b", high=9, low=1, waited=0.2)).granted == LOW
    assert (await take(budget, "c", high=9, low=1, waited=0.2)).granted == HIGH


async def test_the_others_are_told(store: Store) -> None:
    one, other = window(store, "one", limit=1), window(store, "other", limit=1)
    await take(other, "x", high=1)
    await take(other, "y", high=3, low=2)
    verdict = await take(one, "z", high=1)
    assert [other.waiting for other in verdict.others] == [(0, 3, 0, 2)]
    assert verdict.replicas == 2


async def test_reddit_corrects_downward_until_its_window_ends(store: Store) -> None:
    budget = window(store)
    await take(budget, "a", high=1)
    await budget.report("a", News(remaining=2, reset=2))
    assert [(await take(budget, name, high=1)).granted for name in "bcd"] == [HIGH, HIGH, None]
    await budget.report("b", News(remaining=50, reset=2))
    refused = await take(budget, "e", high=1)
    assert refused.granted is None, "never upward"
    await asyncio.sleep(refused.wait + 0.01)
    assert (await take(budget, "f", high=1)).granted == HIGH


async def test_what_is_under_way_is_taken_off_reddits_word(store: Store) -> None:
    budget = window(store)
    for name in "abcd":
        await take(budget, name, high=1)
    await budget.report("a", News(remaining=5, reset=60))
    assert [(await take(budget, i, high=1)).granted for i in range(3)] == [HIGH, HIGH, None]


async def test_reddit_never_corrects_upward(store: Store) -> None:
    budget = window(store, limit=2)
    for name in "ab":
        await take(budget, name, high=1)
    await budget.report("a", News(remaining=900, reset=60))
    assert (await take(budget, "c", high=1)).granted is None


async def test_a_429_blocks_every_replica(store: Store) -> None:
    one, other = window(store, "one"), window(store, "other")
    await take(one, "a", high=1)
    await one.report("a", News(block=120))
    verdict = await take(other, "b", critical=1)
    assert verdict.granted is None
    assert 90 < verdict.wait <= 120
    assert 90 < verdict.hold <= 120


async def test_the_rate_eases_down_once_and_up_again(store: Store, url: str) -> None:
    budget = window(store, limit=100)
    await take(budget, "a", high=1)
    await budget.report("a", News(ease=0.5))
    await budget.report("a", News(ease=0.5))  # of the same trouble
    assert (await take(budget, "b", high=1)).free == 50 - 2
    async with redis_at(url) as redis:
        key = (await matching(redis, "*budget-state*"))[0]
        eased = int(await redis.hget(key, "eased") or 0)
        await redis.hset(key, "eased", str(eased - 75_000_000))
        assert (await take(budget, "c", high=1)).free == 50 + 25 - 3
        await redis.hset(key, "eased", str(eased - 600_000_000))
    assert (await take(budget, "d", high=1)).free == 96


async def test_an_unused_token_returns_at_once_and_a_late_one_later(store: Store) -> None:
    budget = window(store, limit=2, span=10.0)
    for name in "ab":
        await take(budget, name, high=1)
    await budget.report("a", News(unused=True))
    await budget.report("b", News(late=0.5))
    assert (await take(budget, "c", high=1)).granted == HIGH
    assert 10 < (await take(budget, "d", high=1)).returns[-1] <= 10.6


async def test_a_lost_window_is_booked_again(store: Store, url: str) -> None:
    budget, other = window(store, limit=10), window(store, "other", limit=10)
    for i in range(6):
        await take(budget, i, high=1)
    async with redis_at(url) as redis:
        await redis.flushall()
    assert await budget.take("a", census(1)) is None, "it has lost the window"
    await budget.rejoin({str(i): 0.1 for i in range(6)} | {"old": 62.0})
    settling = await take(other, "b", high=1)
    assert settling.granted is None, "the others book theirs first"
    assert 0 < settling.wait <= 1.5
    await budget.rejoin({str(i): 0.1 for i in range(6)})
    await asyncio.sleep(settling.wait)
    assert [(await take(budget, f"n{i}", high=1)).granted for i in range(5)] == [HIGH] * 4 + [None]


async def test_a_clock_set_back_stops_nobody_for_long(store: Store, url: str) -> None:
    budget, hour = window(store, limit=3), 3_600_000_000
    for name in "abc":
        await take(budget, name, high=1)
    await budget.report("a", News(remaining=0, reset=5, block=5, ease=0.9))
    async with redis_at(url) as redis:
        key, state = (await matching(redis, "*budget-window*"))[0], (await matching(redis, "*budget-state*"))[0]
        for member in "abc":
            await redis.zincrby(key, hour, member)
        for name in ("blocked", "left_until", "eased", "tat", "last2"):
            await redis.hincrby(state, name, hour)
    await take(window(store, "other", limit=3), "d", low=1)
    refused = await take(budget, "e", high=1, low=1)
    assert refused.hold <= 600
    assert 30 < refused.returns[0] <= 61
    assert refused.pace <= 61


async def test_silent_replicas_are_forgotten(store: Store, url: str) -> None:
    one, other = window(store, "one"), window(store, "other")
    await take(other, "a", low=1)
    async with redis_at(url) as redis:
        key, now = (await matching(redis, "*budget-replicas*"))[0], int(time.time() * 1e6)
        await redis.hset(key, "dead", "1 5 5 5 5 1 1 1 1 8|{}")
        await redis.hset(key, "odd", f"{now} 0 0|nonsense")
        await redis.hset(key, "new", f"{now} 0 1 0 0 1 1 1 1 8|nonsense")
    verdict = await take(one, "b", high=1, places=0)
    assert (verdict.replicas, len(verdict.others)) == (3, 1), "what cannot be read is passed over"
    async with redis_at(url) as redis:
        assert set(await redis.hkeys(key)) == {b"one", b"other", b"new"}
