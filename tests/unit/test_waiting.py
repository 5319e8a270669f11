import asyncio

import pytest

from reddit_mcp.waiting import happens


async def test_an_event_ends_the_wait() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(happens(event, 3600))
    await asyncio.sleep(0)
    event.set()
    assert await waiting


async def test_time_ends_the_wait() -> None:
    assert not await happens(asyncio.Event(), 0.01)


async def test_a_cancellation_is_passed_on() -> None:
    waiting = asyncio.create_task(happens(asyncio.Event(), 3600))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
