"""Waiting for something to happen, but not for ever."""

import asyncio
import contextlib


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, so many seconds at most; whether it is.

    `asyncio.wait_for` would do, but Python 3.11's may swallow a cancellation.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
