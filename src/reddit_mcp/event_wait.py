"""Waiting for something to happen, but not for ever; and doing something again and again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, so many seconds at most; whether it is.

    `asyncio.wait_for` would do, but Python 3.11's may swallow a cancellation.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


class Repetition:
    """Does something again and again in a task of its own.

    It ends by an event and not by a cancellation, which would cut what is under way in two, and which Python 3.11's
    `wait_for`, by which redis-py sends, may swallow.

    Args:
        work: what is done; what it raises ends the repetition, and is raised by `end`.
        seconds: the pause before each time.
    """

    def __init__(self, work: Callable[[], Awaitable[object]], seconds: float) -> None:
        self._work = work
        self._seconds = seconds
        self._ending = asyncio.Event()

    def begin(self) -> None:
        """Start the task."""
        self._task = asyncio.create_task(self._run())

    async def end(self) -> None:
        """Do it no more; what is under way is finished."""
        self._ending.set()
        await self._task

    async def _run(self) -> None:
        while not await wait_for_event(self._ending, self._seconds):
            await self._work()


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
