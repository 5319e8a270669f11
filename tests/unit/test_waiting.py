import asyncio
import time

import pytest

from reddit_mcp.event_wait import patience, wait_for_event


async def test_an_event_ends_the_wait() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(wait_for_event(event, 3600))
    await asyncio.sleep(0)
    event.set()
    assert await waiting


async def test_time_ends_the_wait() -> None:
    assert not await wait_for_event(asyncio.Event(), 0.01)


async def test_a_cancellation_is_passed_on() -> None:
    waiting = asyncio.create_task(wait_for_event(asyncio.Event(), 3600))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_answer_that_came_while_the_loop_was_busy_counts() -> None:
    answered = asyncio.get_running_loop().create_future()

    async def answer() -> None:
        time.sleep(0.15)  # noqa: ASYNC251 - this is the busy loop
        answered.set_result("there")

    task = asyncio.create_task(answer())
    async with patience(0.05):
        await asyncio.sleep(0)
        assert await answered == "there"
    await task


async def test_patience_ends() -> None:
    with pytest.raises(TimeoutError):
        async with patience(0.01):
            await asyncio.Event().wait()
