"""Tokens on a fake Redis, and what Reddit's own words change."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import RateLimited, Unavailable
from reddit_mcp.storage.limits.request_budget import News, Verdict
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.upstream.rate_limit.reported_limit import ReportedLimit
from reddit_mcp.upstream.rate_limit.shared_budget import Grant, SharedBudget
from tests.support.redis_store import fake_store
from tests.support.request_budget import becomes, census, window

HIGH = 1


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with fake_store() as store:
        yield store


async def grant_from(tokens: SharedBudget) -> Grant:
    verdict, member, asked = await tokens.take(census(1))
    assert verdict.granted == HIGH
    return Grant(member, asked, _never)


async def _never(_grant: Grant) -> None:
    raise AssertionError


async def refused(tokens: SharedBudget) -> Verdict:
    verdict, _, _ = await tokens.take(census(1))
    assert verdict.granted is None
    return verdict


async def test_a_request_that_left_late_holds_its_token_longer(store: Store) -> None:
    tokens = SharedBudget(window(store, limit=1, span=10.0), ReportedLimit())
    grant = await grant_from(tokens)
    grant.left = grant.asked + 0.9
    await tokens.settle(grant, None, 1.0)
    assert 10.5 < (await refused(tokens)).returns[0] <= 10.9


async def test_a_slow_answer_eases_the_rate(store: Store) -> None:
    tokens = SharedBudget(window(store, limit=100), ReportedLimit())
    await tokens.settle(await grant_from(tokens), None, 5.1)
    verdict, _, _ = await tokens.take(census(1))
    assert verdict.free == 90 - 2


async def test_a_429_that_never_left_holds_but_does_not_ease(store: Store) -> None:
    tokens = SharedBudget(window(store, limit=100), ReportedLimit())
    failure = RateLimited("No.", limit_type="reddit_api", retry_after_seconds=9_999)
    await tokens.settle(await grant_from(tokens), failure, 0)
    verdict = await refused(tokens)
    assert 599 < verdict.hold <= 600, "a header may not stop everything for a day"
    assert verdict.spare == 99


async def test_another_quota_is_not_reddits(store: Store) -> None:
    tokens = SharedBudget(window(store), ReportedLimit())
    await tokens.settle(await grant_from(tokens), RateLimited("No.", limit_type="user", retry_after_seconds=60), 0)
    assert (await tokens.take(census(1)))[0].granted == HIGH


async def test_reddits_word_counts_when_it_is_lower(store: Store) -> None:
    budget = ReportedLimit()
    tokens = SharedBudget(window(store), budget)
    budget.learn({"x-ratelimit-remaining": "996.0", "x-ratelimit-reset": "500"})
    await tokens.settle(await grant_from(tokens), None, 0)
    assert tokens.remaining == 99
    budget.learn({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "500"})
    await tokens.settle(await grant_from(tokens), None, 0)
    assert tokens.remaining == 0
    assert 498 < (await refused(tokens)).wait <= 500


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-ratelimit-remaining": "many"}, {"x-ratelimit-remaining": "nan"}, {"x-ratelimit-remaining": "-1"}],
)
def test_a_word_that_is_no_number_is_ignored(headers: dict[str, str]) -> None:
    budget = ReportedLimit()
    budget.learn(headers)
    assert budget.remaining is None


def test_words_without_a_window_hold_nobody() -> None:
    budget = ReportedLimit()
    budget.learn({"x-ratelimit-remaining": "0.0"})
    budget.check()
    budget.learn({"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "30"})
    with pytest.raises(RateLimited) as caught:
        budget.check()
    assert caught.value.data["retry_after_seconds"] == 30


async def test_one_leave_per_token_and_then_another_token(store: Store) -> None:
    renewed: list[Grant] = []

    async def renew(grant: Grant) -> None:
        renewed.append(grant)

    grant = Grant("a", time.monotonic(), renew)
    await asyncio.to_thread(grant.leave)
    assert grant.left
    assert not renewed
    await asyncio.to_thread(grant.leave)
    await asyncio.to_thread(Grant("", 0.0, renew).leave)
    assert len(renewed) == 2


async def test_after_an_outage_each_goes_on_with_its_share_until_all_have_booked() -> None:
    server = FakeServer()
    async with fake_store(server) as one, fake_store(server) as other:
        first, second = (
            SharedBudget(window(one, "one", limit=12), ReportedLimit()),
            SharedBudget(window(other, "two", limit=12), ReportedLimit()),
        )
        for tokens in (first, second, first):  # so that each has seen both
            await grant_from(tokens)
        server.connected = False
        await grant_from(first)
        server.connected = True
        one._away_until = None
        members = [(await grant_from(first)).member for _ in range(3)]
        assert (await refused(first)).settling, "six are its share"
        assert first.replicas == 2
        assert (await grant_from(second)).member, "that it used no share itself while Redis was away is all the same"
        await refused(first)
        async with one.visit() as redis:
            (key,) = await redis.keys("*budget-window*")
            assert await redis.zcard(key) == 7
            assert all([await redis.zscore(key, member) for member in members])
        await becomes(lambda: granted(first))
        assert not first.apart


async def granted(tokens: SharedBudget) -> bool:
    verdict, _, _ = await tokens.take(census(1))
    return verdict.granted == HIGH


@pytest.mark.parametrize("news", [News(block=60), News(remaining=0, reset=60)], ids=["refused", "spent"])
async def test_a_share_is_no_way_around_reddits_own_word(store: Store, news: News) -> None:
    tokens = SharedBudget(window(store, limit=12), ReportedLimit())
    await tokens._window.rejoin({"elsewhere": 0.1})
    await tokens._window.report("", news)
    assert not (await refused(tokens)).settling


async def test_where_all_tokens_are_out_there_is_no_share(store: Store) -> None:
    tokens = SharedBudget(window(store, limit=3), ReportedLimit())
    await tokens._window.rejoin({"a": 0.1, "b": 0.1, "c": 0.1})
    assert not (await refused(tokens)).settling


@pytest.mark.parametrize("reason", ["breaker_open", "not_offered_by_source"])
async def test_a_token_that_was_not_used_is_there_again(store: Store, reason: str) -> None:
    tokens = SharedBudget(window(store, limit=1), ReportedLimit())
    grant = await grant_from(tokens)
    await tokens.settle(grant, Unavailable("Open.", service="reddit", reason=reason), 0)
    await tokens.give_back((await grant_from(tokens)).member)
    await grant_from(tokens)


async def test_a_token_that_a_refusal_of_the_source_took_is_spent(store: Store) -> None:
    tokens = SharedBudget(window(store, limit=1), ReportedLimit())
    grant = await grant_from(tokens)
    grant.left = grant.asked
    await tokens.settle(grant, Unavailable("No.", service="archive", reason="not_offered_by_source"), 0)
    await refused(tokens)


async def test_a_refusal_heard_while_redis_was_away_counts_when_it_is_back() -> None:
    server = FakeServer()
    async with fake_store(server) as store:
        tokens = SharedBudget(window(store, limit=100), ReportedLimit())
        grant = await grant_from(tokens)
        grant.left = grant.asked
        server.connected = False
        await tokens.settle(grant, RateLimited("No.", limit_type="reddit_api", retry_after_seconds=120), 0)
        assert (await refused(tokens)).hold > 119
        server.connected = True

        async def joined() -> bool:
            await refused(tokens)
            return not tokens.apart

        await becomes(joined)
        assert (await refused(SharedBudget(window(store, "another"), ReportedLimit()))).hold > 110


async def test_a_window_that_was_lost_comes_back_by_itself(store: Store) -> None:
    tokens = SharedBudget(window(store, limit=3), ReportedLimit())
    await grant_from(tokens)
    async with store.visit() as redis:
        await redis.flushall()
    for _ in range(2):
        await grant_from(tokens)
    verdict = await refused(tokens)
    assert (verdict.spare, len(verdict.returns)) == (0, 3)
    assert 1 < verdict.hold <= 1.5
