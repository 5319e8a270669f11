"""The order of the line."""

import asyncio

from reddit_mcp.errors import NotFound
from reddit_mcp.upstream.rate_limit.priority_queue import PriorityQueue, Waiter
from reddit_mcp.upstream.source import Priority


def waiter(priority: Priority = Priority.HIGH, caller: str = "local") -> Waiter:
    return Waiter(priority, caller, None, asyncio.get_running_loop().time() + 5)


async def test_the_better_first_then_the_earlier_and_whoever_may_jump() -> None:
    line = PriorityQueue()
    low, first, second, jumper = waiter(Priority.LOW), waiter(), waiter(), waiter()
    for each in (low, first, second):
        line.join(each)
    line.join(jumper, first=True)
    assert list(line) == [jumper, first, second, low]
    assert line.pop(Priority.HIGH) is jumper
    assert line.pop(Priority.NORMAL) is None
    line.leave(first)
    line.leave(first)
    assert list(line) == [second, low]
    assert len(line) == 2


async def test_the_census_tells_how_many_and_how_long() -> None:
    line = PriorityQueue()
    line.join(waiter())
    line.join(waiter(Priority.LOW, "key-1"))
    line.join(waiter(Priority.LOW, "key-1"))
    census = line.census(3)
    assert (census.waiting, census.places, census.callers) == ((0, 1, 0, 2), 3, {"key-1": 2})
    assert census.waited[0] == 0
    assert 0 <= census.waited[3] < 1


async def test_a_failure_after_the_turn_changes_nothing() -> None:
    one = waiter()
    one.turn.set_result(None)
    one.fail(NotFound("There is none."))
    assert one.turn.result() is None
