import asyncio

import pytest

from reddit_mcp.auth import failed_lookups
from reddit_mcp.auth.failed_lookups import CAPACITY, SECONDS_EACH, FailedLookups
from reddit_mcp.errors import Failure, RateLimited, Unauthenticated
from tests.support.clocks import Clock


async def fail(bucket: FailedLookups, address: str = "a") -> Failure | None:
    try:
        async with bucket.attempt(address):
            raise Unauthenticated("wrong")
    except Failure as failure:
        return failure


async def test_a_bucket_fills_again() -> None:
    clock = Clock()
    bucket = FailedLookups(clock)
    for _ in range(CAPACITY):
        assert isinstance(await fail(bucket), Unauthenticated)
    refused = await fail(bucket)
    assert isinstance(refused, RateLimited)
    clock.now += refused.data["retry_after_seconds"]
    assert isinstance(await fail(bucket), Unauthenticated)
    assert isinstance(await fail(bucket), RateLimited)
    clock.now += CAPACITY * SECONDS_EACH * 9  # and holds no more than it holds
    failures = [await fail(bucket) for _ in range(CAPACITY + 1)]
    assert [type(failure) for failure in failures] == [Unauthenticated] * CAPACITY + [RateLimited]


async def test_many_at_once_get_no_more_than_the_bucket_holds() -> None:
    bucket = FailedLookups(Clock())
    failures = await asyncio.gather(*(fail(bucket) for _ in range(CAPACITY * 4)))
    spent = sum(isinstance(failure, Unauthenticated) for failure in failures)
    assert CAPACITY <= spent < CAPACITY + failed_lookups.AT_ONCE


async def test_a_look_up_that_succeeds_costs_nothing() -> None:
    bucket = FailedLookups(Clock())
    for _ in range(CAPACITY * 2):
        async with bucket.attempt("a"):
            pass
    assert isinstance(await fail(bucket), Unauthenticated)


async def test_addresses_are_forgotten_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_lookups, "MOST_ADDRESSES", 3)
    bucket = FailedLookups(Clock())
    for number in range(10):
        await fail(bucket, str(number))
    assert list(bucket._full_at) == ["7", "8", "9"]
