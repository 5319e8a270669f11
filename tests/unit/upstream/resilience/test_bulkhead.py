"""Places that one slow resource cannot take from the others."""

import asyncio
import time

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.upstream.resilience.bulkhead import Bulkhead


class Visitor:
    """A task that holds a place until it is told to go."""

    def __init__(self, bulkhead: Bulkhead, name: str = "", log: list[str] | None = None) -> None:
        self.go = asyncio.Event()
        self.inside = asyncio.Event()
        self.task = asyncio.create_task(self._visit(bulkhead, name, log if log is not None else []))

    async def _visit(self, bulkhead: Bulkhead, name: str, log: list[str]) -> None:
        async with bulkhead:
            log.append(name)
            self.inside.set()
            await self.go.wait()

    async def leave(self) -> None:
        self.go.set()
        await self.task


async def test_no_more_than_the_places_at_once_and_first_come_first_served() -> None:
    bulkhead, log = Bulkhead("archive", 2, max_waiting=5), list[str]()
    visitors = [Visitor(bulkhead, name, log) for name in "abcd"]
    await visitors[1].inside.wait()
    assert (bulkhead.in_use, bulkhead.waiting, bulkhead.free) == (2, 2, 0)
    for visitor in visitors:
        await visitor.leave()
    assert log == ["a", "b", "c", "d"]
    assert (bulkhead.in_use, bulkhead.waiting, bulkhead.total, bulkhead.refused) == (0, 0, 4, 0)


async def test_beyond_the_waiting_room_it_refuses_at_once() -> None:
    bulkhead = Bulkhead("webhooks", 1, max_waiting=1)
    visitors = [Visitor(bulkhead), Visitor(bulkhead)]
    await visitors[0].inside.wait()
    with pytest.raises(Unavailable) as caught:
        async with bulkhead:
            pytest.fail("there is no place")
    assert caught.value.data == {"service": "webhooks", "reason": "overloaded"}
    assert bulkhead.refused == 1
    for visitor in visitors:
        await visitor.leave()


async def test_a_place_comes_back_after_an_error_and_after_a_cancellation() -> None:
    bulkhead = Bulkhead("platform", 1, max_waiting=0)
    with pytest.raises(ZeroDivisionError):
        async with bulkhead:
            _ = 1 / 0
    visitor = Visitor(bulkhead)
    await visitor.inside.wait()
    visitor.task.cancel()
    await asyncio.gather(visitor.task, return_exceptions=True)
    assert bulkhead.free == 1


async def test_who_gives_up_waiting_is_passed_over() -> None:
    bulkhead = Bulkhead("archive", 1, max_waiting=2)
    first, second, third = Visitor(bulkhead), Visitor(bulkhead), Visitor(bulkhead)
    await first.inside.wait()
    second.task.cancel()
    await asyncio.gather(second.task, return_exceptions=True)
    assert bulkhead.waiting == 1
    await first.leave()
    await third.inside.wait()
    await third.leave()
    assert bulkhead.free == 1


async def test_a_place_given_to_somebody_who_just_gave_up_goes_on_to_the_next() -> None:
    bulkhead = Bulkhead("archive", 1, max_waiting=2)
    first, second, third = Visitor(bulkhead), Visitor(bulkhead), Visitor(bulkhead)
    await first.inside.wait()
    bulkhead.leave(0.0)  # the second is called, and cancelled before it can come
    second.task.cancel()
    await third.inside.wait()
    assert bulkhead.in_use == 1
    bulkhead.enter()
    await asyncio.gather(first.leave(), third.leave())


async def test_one_cancelled_in_the_same_moment_is_passed_over() -> None:
    bulkhead = Bulkhead("archive", 1, max_waiting=2)
    first, second, third = Visitor(bulkhead), Visitor(bulkhead), Visitor(bulkhead)
    await first.inside.wait()
    second.task.cancel()
    bulkhead.leave(0.0)
    await third.inside.wait()
    assert bulkhead.in_use == 1
    bulkhead.enter()
    await asyncio.gather(first.leave(), third.leave())


async def test_it_knows_the_slowest() -> None:
    bulkhead = Bulkhead("archive", 2, max_waiting=0)
    started = time.monotonic()
    async with bulkhead:
        await asyncio.sleep(0.02)
    held = time.monotonic() - started
    assert 0.02 <= bulkhead.slowest <= held
