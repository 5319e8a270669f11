"""What was called, by windows of five minutes, over all replicas: counted here, written in batches, read merged.

A window is a hash of counters, so that those of all replicas are one sum. Redis away, this process's own windows are
what there is, and are written when it is back.
"""

import asyncio
import contextlib
import itertools
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

from reddit_mcp.errors import Unavailable
from reddit_mcp.event_wait import Repetition
from reddit_mcp.storage.accounting.counter_batches import ADD_BATCH
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import CALL_DAYS, CALL_WINDOWS, CALLERS_SEEN, Kind

WINDOW_SECONDS = 300
KEPT_WINDOWS = 288
"""A day."""

AT_ONCE = 24
KEPT_DAYS = 30
FLUSH_SECONDS = 3.0
LAST_WORD_SECONDS = 2.0
MOST_CALLERS = 20_000
"""Callers remembered for a day, of a process and of all; anybody may be ever new ones."""

Counts = Counter[str]
Days = Callable[[Counts], Counts]
"""What of a window's counts is kept for the days."""


class CallWindows:
    """Counts by window; an async context manager that writes every few seconds, and the rest in the end.

    Args:
        store: what replicas share.
        of_days: what of a window is added to its day.
        now: seconds since 1970; stays readable.
    """

    def __init__(self, store: Store, of_days: Days, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._of_days = of_days
        self.now = now
        self._name = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._own: dict[int, Counts] = {}
        self._written: dict[int, Counts] = {}
        self._sent: dict[int, tuple[int, Counts]] = {}
        self._callers: dict[str, float] = {}
        self._new_callers: dict[str, float] = {}
        self._closed: tuple[int, dict[int, Counts]] = (0, {})
        self._often = Repetition(self._flush_if_possible, FLUSH_SECONDS)
        self._flushing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._often.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._often.end()
        with contextlib.suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await self.flush()

    def current(self, caller: str) -> Counts:
        """The counts of this moment's window, to be added to for a call of this caller."""
        now = self.now()
        window = _window(now)
        if (counts := self._own.get(window)) is None:
            counts = self._own[window] = Counter()
            self._forget()
        if caller in self._callers or len(self._callers) < MOST_CALLERS:
            self._callers[caller] = self._new_callers[caller] = now
        return counts

    async def windows(self) -> Mapping[int, Counts]:
        """The windows of the last day that saw calls, by their start; of all replicas where Redis is there."""
        try:
            await self.flush()
            return await self._read()
        except Unavailable:
            return self._own

    async def days(self) -> Counts:
        """What the days of the objective come to together; this process's own day while Redis is away."""
        today = int(self.now() // 86_400)
        keys = [self._key(CALL_DAYS, day) for day in range(today - KEPT_DAYS + 1, today + 1)]
        try:
            return sum(await self._hashes(keys), Counter())
        except Unavailable:
            return sum((self._of_days(counts) for counts in self._own.values()), Counter())

    async def callers(self, seconds: float) -> int:
        """How many different callers there were within so many seconds, up to a day."""
        since = self.now() - seconds
        try:
            async with self._store.visit() as redis:
                return int(await redis.zcount(self._key(CALLERS_SEEN, "all"), since, "+inf"))
        except Unavailable:
            return self.own_callers(seconds)

    def own_callers(self, seconds: float) -> int:
        """As `callers`, in this process."""
        since = self.now() - seconds
        return sum(seen >= since for seen in self._callers.values())

    async def flush(self) -> None:
        """Write what is counted; what could not be written stays for the next time.

        Raises:
            Unavailable: Redis is away.
        """
        async with self._flushing:
            for window, counts in list(self._own.items()):
                if window not in self._sent and (news := counts - self._written.get(window, Counter())):
                    self._sent[window] = next(self._numbers), news
            for window, (number, news) in list(self._sent.items()):
                await self._write(window, number, news)
                self._written.setdefault(window, Counter()).update(news)
                del self._sent[window]
            await self._write_callers()

    async def _flush_if_possible(self) -> None:
        with contextlib.suppress(Unavailable):
            await self.flush()

    async def _write(self, window: int, number: int, news: Counts) -> None:
        parts = ((CALL_WINDOWS, window, news), (CALL_DAYS, window // 86_400, self._of_days(news)))
        async with self._store.visit() as redis:
            for kind, name, counts in parts:
                pairs = [part for pair in counts.items() for part in pair]
                await ADD_BATCH.run(redis, [self._key(kind, name)], [self._name, number, kind.ttl or 0, *pairs])

    async def _write_callers(self) -> None:
        if not (seen := self._new_callers):
            return
        self._new_callers, key = {}, self._key(CALLERS_SEEN, "all")
        try:
            async with self._store.visit() as redis:
                pipeline = redis.pipeline(transaction=False)
                pipeline.zadd(key, seen)
                pipeline.zremrangebyscore(key, "-inf", self.now() - 86_400)
                pipeline.zremrangebyrank(key, 0, -MOST_CALLERS - 1)
                pipeline.expire(key, CALLERS_SEEN.ttl or 0)
                await pipeline.execute()
        except Unavailable:
            self._new_callers = {**seen, **self._new_callers}
            raise

    async def _read(self) -> dict[int, Counts]:
        """Only the last two windows change; the others are read anew when a new one begins."""
        current = _window(self.now())
        if self._closed[0] != current:
            first, before = current - KEPT_WINDOWS * WINDOW_SECONDS, self._closed[1]
            found = await self._between(range(first, current - WINDOW_SECONDS, WINDOW_SECONDS))
            # the same object for the same counts, so that what they come to need not be worked out again
            kept = {start: before[start] if before.get(start) == counts else counts for start, counts in found.items()}
            self._closed = current, kept
        latest = await self._between((current - WINDOW_SECONDS, current))
        return {**self._closed[1], **latest}

    async def _between(self, starts: Iterable[int]) -> dict[int, Counts]:
        """A few at a time, so that nothing else waits while they are read."""
        names, found = tuple(starts), dict[int, Counts]()
        for few in (names[i : i + AT_ONCE] for i in range(0, len(names), AT_ONCE)):
            read = await self._hashes([self._key(CALL_WINDOWS, name) for name in few])
            found |= {name: counts for name, counts in zip(few, read, strict=True) if counts}
        return found

    async def _hashes(self, keys: list[str]) -> list[Counts]:
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for key in keys:
                pipeline.hgetall(key)
            return [_counts(fields) for fields in await pipeline.execute()]

    def _forget(self) -> None:
        """Drop what is older than a day."""
        oldest = _window(self.now()) - KEPT_WINDOWS * WINDOW_SECONDS
        self._own = {window: counts for window, counts in self._own.items() if window >= oldest}
        self._written = {window: counts for window, counts in self._written.items() if window >= oldest}
        self._sent = {window: batch for window, batch in self._sent.items() if window >= oldest}
        self._callers = {caller: seen for caller, seen in self._callers.items() if seen >= oldest}

    def _key(self, kind: Kind, name: object) -> str:
        return kind.key(self._store.prefix, str(name))


def _window(now: float) -> int:
    return int(now // WINDOW_SECONDS) * WINDOW_SECONDS


def _counts(fields: Mapping[bytes, bytes]) -> Counts:
    counted = ((name.decode(), value) for name, value in fields.items())
    return Counter({name: int(value) for name, value in counted if not name.startswith("writer:")})
