"""Work that happens by itself: once over all replicas, at its time, again after a failure, taken over after a crash."""

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from reddit_mcp.errors import Failure, Unavailable
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.watches.job_schedule import Job, JobSchedule
from reddit_mcp.upstream.single_flight.call_context import caller, deadline
from reddit_mcp.watches.ports import Clock, SystemClock

_log = logging.getLogger(__name__)

Handler = Callable[[Mapping[str, Any]], Awaitable[None]]

PLACES = 8
"""Jobs at once in a process."""

LEASE_SECONDS = 10.0
"""How long the jobs of a dead process wait for another; renewed three times in that time."""

LOOK_SECONDS = 5.0
"""How often an idle process looks for jobs of others; four of Redis's commands each time."""

ENSURE_SECONDS = 60.0
DRAIN_SECONDS = 11.0
"""How long running jobs have when their process ends: a webhook that is being sent takes ten seconds at most, and one
that is cut off is sent a second time. The whole end of a process takes 25."""

JOB_SECONDS = 900.0
"""How long a job may take; whatever it asks of Reddit must be answered by then."""

RETRY_SECONDS, LONGEST_RETRY_SECONDS, MOST_ATTEMPTS = 2.0, 300.0, 20
"""After a failure a job waits so long, doubling each time, a quarter more or less; it is given up after an hour."""


class BackgroundJobs:
    """Runs jobs while the context is open, beside any number of others on the same store.

    A job may run more than once (its process may die just before it could say that it is done), so handlers must be
    safe to repeat. While Redis is away nothing runs and nothing is lost.
    """

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._schedule = JobSchedule(store)
        self._clock = clock or SystemClock()
        self._owner = secrets.token_hex(8)
        self._handlers: dict[str, Handler] = {}
        self._standing: list[str] = []
        self._running: dict[asyncio.Task[None], Job] = {}
        self._news = asyncio.Event()
        self._loops: tuple[asyncio.Task[None], ...] = ()
        self._renewing: tuple[asyncio.Task[None], ...] = ()
        self._open = False
        self._drain_ends = 0.0

    def handle(self, name: str, handler: Handler, *, standing: bool = False) -> None:
        """Let `handler` do the jobs of this name; it gets the payload and raises in order to be repeated later.

        A standing job is always there: it runs soon after the start, then every minute, and sooner where
        `enqueue(name, name, ...)` says so.
        """
        self._handlers[name] = handler
        if standing:
            self._standing.append(name)

    async def enqueue(self, name: str, key: str, payload: Mapping[str, Any], at: float | None = None) -> None:
        """Have a job done at a time (seconds since 1970; None = now). The same key while it waits is one job.

        Raises:
            Unavailable: Redis is away.
        """
        await self.enqueue_all(name, {key: payload}, at)

    async def enqueue_all(self, name: str, payloads: Mapping[str, Mapping[str, Any]], at: float | None = None) -> None:
        """Have several jobs done, each payload under its key; as `enqueue`."""
        jobs = (Job(name, key, dict(payload)) for key, payload in payloads.items())
        await self._schedule.put(jobs, self._clock.now() if at is None else at)
        self._news.set()

    async def __aenter__(self) -> Self:
        self._open = True
        self._loops = tuple(
            asyncio.create_task(self._forever(work, lambda: self._open)) for work in (self._claim, self._ensure)
        )
        # What runs on while the others close is still held, or another process would do it too.
        held = self._forever(self._renew, lambda: self._open or bool(self._running))
        self._renewing = (asyncio.create_task(held),)
        return self

    def drain(self) -> None:
        """Begin to close: no new jobs, and from now on those that run have `DRAIN_SECONDS`."""
        if self._open:
            self._open = False
            self._drain_ends = asyncio.get_running_loop().time() + DRAIN_SECONDS
            self._news.set()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what runs, within seconds; what does not finish is done by another process."""
        self.drain()
        await _end(self._loops)
        if self._running:
            left = self._drain_ends - asyncio.get_running_loop().time()
            await asyncio.wait(self._running, timeout=max(left, 0))
        await _end(self._running)
        await _end(self._renewing)

    async def check(self) -> str:
        """What `/health` says of them.

        Raises:
            Unavailable: they do not run.
        """
        if self._open and any(loop.done() for loop in self._loops):
            raise Unavailable("Background jobs have stopped; restart the process.", service="worker")
        return f"{len(self._running)} jobs run"

    async def _forever(self, work: Callable[[], Awaitable[None]], is_wanted: Callable[[], bool]) -> None:
        while is_wanted():
            try:
                await work()
            except Unavailable:
                await asyncio.sleep(1)
            except Exception:  # noqa: BLE001 - nothing may end the loop
                _log.exception("the jobs of this process go on after a fault")
                await asyncio.sleep(1)

    async def _claim(self) -> None:
        """Start what is due, then wait for the next time, or for news."""
        self._news.clear()
        free = PLACES - len(self._running)
        if free <= 0:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            return
        claimed = await self._schedule.claim(self._owner, self._clock.now(), LEASE_SECONDS, free)
        for job in claimed.jobs:
            # The last run of a job may be about to hear that it is done.
            before = [task for task, other in self._running.items() if other.id == job.id]
            task = asyncio.create_task(self._run(job, before))
            self._running[task] = job
            task.add_done_callback(self._ended)
        if len(claimed.jobs) < free:
            await self._wait(claimed.next_due)

    async def _wait(self, next_due: float | None) -> None:
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._news.wait())]
        if next_due is not None:
            waits.append(asyncio.create_task(self._clock.sleep(max(next_due - self._clock.now(), 0))))
        try:
            await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _renew(self) -> None:
        await asyncio.sleep(LEASE_SECONDS / 3)
        if self._running:
            await self._schedule.renew(self._owner, LEASE_SECONDS, tuple(self._running.values()))

    async def _ensure(self) -> None:
        for name in self._standing:
            await self.enqueue(name, name, {})
        await asyncio.sleep(ENSURE_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._news.set()

    async def _run(self, job: Job, before: Collection[asyncio.Task[None]]) -> None:
        caller.set("jobs")
        deadline.set(asyncio.get_running_loop().time() + JOB_SECONDS)
        with suppress(Unavailable):  # then its lease ends, and it is done again
            try:
                if before:
                    await asyncio.wait(before)
                async with asyncio.timeout(JOB_SECONDS):
                    await self._handlers[job.name](job.payload)
            except Exception as error:  # noqa: BLE001 - a handler may fail in any way
                await self._put_off(job, error)
            except asyncio.CancelledError:
                await self._schedule.put([job], self._clock.now())
                await self._schedule.done(self._owner, job)
                raise
            await self._schedule.done(self._owner, job)

    async def _put_off(self, job: Job, error: Exception) -> None:
        expected = isinstance(error, Failure | TimeoutError)
        if job.attempts >= MOST_ATTEMPTS:
            _log.error("the job %s is given up after %d attempts", job.name, job.attempts + 1, exc_info=error)
            return
        wait = min(RETRY_SECONDS * 2**job.attempts, LONGEST_RETRY_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311
        _log.warning("the job %s is repeated in %.0f s: %r", job.name, wait, error, exc_info=not expected)
        again = Job(job.name, job.key, job.payload, job.attempts + 1)
        await self._schedule.put([again], self._clock.now() + wait)


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel until they end: a reply that arrives with a cancellation may swallow it (wait_for, Python 3.11)."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=1)
