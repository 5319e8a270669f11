"""Too many calls at once are refused at once, and cost nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.metering.concurrency_limit import CALLS_PER_CALLER, ConcurrencyLimit
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.upstream.single_flight.call_context import answers_at_hand
from reddit_mcp.upstream.source import Answer
from tests.support.quotas import FREE, House, a_community
from tests.support.redis_store import fake_store, until

PRO = Caller(id="pia", tier="pro")


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with fake_store() as store:
        yield House(store, most=20)


def refusal(places: ConcurrencyLimit, caller: Caller) -> Unavailable:
    with pytest.raises(Unavailable) as refused, places.place(caller):
        pass
    return refused.value


def test_a_caller_has_sixteen_places() -> None:
    places = ConcurrencyLimit(256)
    with ExitStack() as held:
        for _ in range(CALLS_PER_CALLER):
            held.enter_context(places.place(FREE))
        assert refusal(places, FREE).data["reason"] == "overloaded"
        with places.place(PRO):
            pass
    with places.place(FREE):
        pass


def only_what_is_at_hand(places: ConcurrencyLimit, caller: Caller) -> bool:
    with places.place(caller):
        return answers_at_hand.get()


def test_the_process_has_so_many_places_for_all() -> None:
    places = ConcurrencyLimit(3)
    with ExitStack() as held:
        for name in "abc":
            held.enter_context(places.place(Caller(id=name, tier="enterprise")))
        assert only_what_is_at_hand(places, PRO)
        assert only_what_is_at_hand(places, LOCAL)
    assert not only_what_is_at_hand(places, PRO)


def test_the_local_caller_may_have_all_places() -> None:
    places = ConcurrencyLimit(CALLS_PER_CALLER + 4)
    with ExitStack() as held:
        for _ in range(CALLS_PER_CALLER + 4):
            assert not only_what_is_at_hand(places, LOCAL)
            held.enter_context(places.place(LOCAL))
        assert only_what_is_at_hand(places, LOCAL)


def test_strangers_together_have_half_of_the_places() -> None:
    places = ConcurrencyLimit(8)
    with ExitStack() as held:
        for number in range(4):
            assert not only_what_is_at_hand(places, stranger(number))
            held.enter_context(places.place(stranger(number)))
        assert only_what_is_at_hand(places, stranger(5))
        assert not only_what_is_at_hand(places, PRO)


def stranger(number: int) -> Caller:
    return Caller(id=f"anonymous:{number}", tier="anonymous")


def test_a_call_that_breaks_leaves_its_place() -> None:
    places = ConcurrencyLimit(1)
    with pytest.raises(KeyError), places.place(FREE):
        raise KeyError
    with places.place(PRO):
        pass


async def test_what_is_too_much_is_refused_at_once_and_costs_nothing(house: House) -> None:
    running, gate = 0, asyncio.Event()

    async def slow() -> Answer[Any]:
        nonlocal running
        running += 1
        await gate.wait()
        return a_community()

    house.upstream.answer = slow
    calls = [asyncio.create_task(house.call(PRO)) for _ in range(CALLS_PER_CALLER)]
    await until(lambda: running == CALLS_PER_CALLER)
    before = await house.left(PRO)
    refused = await house.call(PRO)
    assert refused["error"]["type"] == "unavailable"
    assert refused["error"]["data"]["reason"] == "overloaded"
    assert before
    after = await house.left(PRO)
    assert after
    assert after["hour"] == before["hour"] == 2_000 - CALLS_PER_CALLER
    gate.set()
    assert all("error" not in answer for answer in await asyncio.gather(*calls))
    assert "error" not in await house.call(PRO)


async def test_a_caller_who_hangs_up_leaves_the_place(house: House) -> None:
    arrived = house.upstream.hang()
    calls = [asyncio.create_task(house.call(FREE)) for _ in range(8)]
    await arrived.wait()
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    house.upstream.answer = a_community
    answers = await asyncio.gather(*(house.call(PRO) for _ in range(CALLS_PER_CALLER)))
    assert all("error" not in answer for answer in answers)
