"""What each caller did, a hash a day: calls by tool, errors by type, charged events. Kept for 365 days."""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.connection import Store
from reddit_mcp.storage.keyspace import USAGE, USERS_OF_DAY

FLUSH_SECONDS = 1.0
Day = Mapping[str, int]


class Usage:
    """Counts off the path of calls and writes at most once a second; an async context manager that writes the rest."""

    def __init__(self, store: Store, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now
        self._counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._some = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            await self.flush()

    def note(self, caller: str, what: str) -> None:
        """Count one event, such as `calls:search_reddit` or `errors:not_found`."""
        self._counts[caller, f"{self._now():%Y-%m-%d}"][what] += 1
        self._some.set()

    async def flush(self) -> None:
        """Write what is counted; kept when Redis is away.

        Raises:
            Unavailable: Redis is away.
        """
        counts, self._counts = self._counts, defaultdict(Counter)
        self._some.clear()
        try:
            for (caller, day), events in list(counts.items()):
                await self._write(caller, day, events)
                del counts[caller, day]
        finally:
            for key, events in counts.items():
                self._counts[key] += events

    async def of(self, caller: str, days: int = 31) -> dict[str, Day]:
        """The caller's days with calls, the newest first.

        Raises:
            Unavailable: Redis is away.
        """
        names = [f"{self._now() - timedelta(days=number):%Y-%m-%d}" for number in range(days)]
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for name in names:
                pipeline.hgetall(self._key(caller, name))
            found = await pipeline.execute()
        return {name: _read(events) for name, events in zip(names, found, strict=True) if events}

    async def callers(self, days: int = 31) -> list[str]:
        """Everybody who called within these days.

        Raises:
            Unavailable: Redis is away.
        """
        names = [f"{self._now() - timedelta(days=number):%Y-%m-%d}" for number in range(days)]
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for name in names:
                pipeline.smembers(USERS_OF_DAY.key(self._store.prefix, name))
            found = await pipeline.execute()
        return sorted({caller.decode() for day in found for caller in day})

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            with contextlib.suppress(Unavailable):
                await self.flush()

    async def _write(self, caller: str, day: str, events: Counter[str]) -> None:
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for what, count in events.items():
                pipeline.hincrby(self._key(caller, day), what, count)
            pipeline.expire(self._key(caller, day), USAGE.ttl or 0)
            pipeline.sadd(USERS_OF_DAY.key(self._store.prefix, day), caller)
            pipeline.expire(USERS_OF_DAY.key(self._store.prefix, day), USERS_OF_DAY.ttl or 0)
            await pipeline.execute()

    def _key(self, caller: str, day: str) -> str:
        return USAGE.key(self._store.prefix, f"{caller}:{day}")


def _read(events: Mapping[bytes, bytes]) -> Day:
    return {what.decode(): int(count) for what, count in sorted(events.items())}
