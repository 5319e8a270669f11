"""Waiting for something to happen, but not for ever."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, so many seconds at most; whether it is.

    `asyncio.wait_for` would do, but Python 3.11's may swallow a cancellation.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


LATE_SECONDS = 0.02
"""A timer that fires so long after its time says that this process was busy, not that somebody else was slow."""


@contextlib.asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """A timeout that is not fooled by a busy event loop: an answer that came while the loop was busy is still read.

    Where the timer itself fires late, the time starts once more, for what was awaited may be there already.

    Raises:
        TimeoutError: nothing came within the seconds.
    """
    loop = asyncio.get_running_loop()
    due = loop.time() + seconds
    async with asyncio.timeout(None) as limit:

        def check() -> None:
            late = loop.time() - due > LATE_SECONDS
            limit.reschedule(loop.time() + (seconds if late else 0))

        timer = loop.call_at(due, check)
        try:
            yield
        finally:
            timer.cancel()
