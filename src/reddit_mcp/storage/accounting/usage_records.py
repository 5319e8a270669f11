"""What each caller did, a hash a day: calls by tool, errors by type, charged events. Kept for 365 days."""

import asyncio
import contextlib
import itertools
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from reddit_mcp.errors import Unavailable
from reddit_mcp.event_wait import Repetition
from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.accounting.counter_batches import ADD_BATCH
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import STRANGERS_USAGE, USAGE, USERS_OF_DAY

FLUSH_SECONDS = 1.0
LAST_WORD_SECONDS = 3.0
"""How long the last counts are offered to a Redis that is away before the process ends."""

MOST_WAITING = 100_000
"""Callers whose counts are kept in memory while Redis is away."""

MOST_STRANGERS = 2_000
"""Anonymous callers with a count of their own, each day and process; anybody may be ever new ones."""

STRANGER = "anonymous:"
OTHER_STRANGERS = f"{STRANGER}others"


def is_stranger(caller: str) -> bool:
    """Whether a caller is known by its address alone."""
    return caller.startswith(STRANGER)


_Key = tuple[str, str]
_Batch = tuple[int, Counter[str]]


@dataclass(frozen=True, slots=True)
class Day:
    """What a caller did on one day (UTC).

    Attributes:
        date: such as 2026-01-31.
        calls: by tool.
        errors: by type; of these calls, the ones that failed.
        charged: billed events by name.
    """

    date: str
    calls: Mapping[str, int]
    errors: Mapping[str, int]
    charged: Mapping[str, int]


class UsageRecords:
    """Counts off the path of calls and writes at most once a second; an async context manager that writes the rest."""

    def __init__(self, store: Store, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now
        self._name = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._counts: defaultdict[_Key, Counter[str]] = defaultdict(Counter)
        self._sent: dict[_Key, _Batch] = {}
        self._strangers: set[str] = set()
        self._strangers_of = ""
        self._often = Repetition(self._flush_if_possible, FLUSH_SECONDS)
        self._log = logger(__name__)

    async def __aenter__(self) -> Self:
        self._often.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._often.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await self._write_all()
        if self._waiting:
            self._log.error("usage_lost", callers=len({caller for caller, _ in (*self._counts, *self._sent)}))

    def note(self, caller: str, what: str) -> None:
        """Count one event: `calls:` and a tool, `errors:` and a type, or `charged:` and a billed event."""
        key = self._counted_as(caller, f"{self._now():%Y-%m-%d}")
        if key in self._counts or len(self._counts) < MOST_WAITING:
            self._counts[key][what] += 1

    def _counted_as(self, caller: str, date: str) -> _Key:
        """Whose count it is: beyond a number of strangers a day, further ones are counted together."""
        if not is_stranger(caller):
            return caller, date
        if date != self._strangers_of:
            self._strangers_of, self._strangers = date, set()
        if len(self._strangers) < MOST_STRANGERS:
            self._strangers.add(caller)
        return (caller if caller in self._strangers else OTHER_STRANGERS), date

    async def flush(self) -> None:
        """Write what is counted; what could not be written stays for the next time.

        Raises:
            Unavailable: Redis is away.
        """
        for key in [key for key in self._counts if key not in self._sent]:
            self._sent[key] = next(self._numbers), self._counts.pop(key)
        for key, batch in list(self._sent.items()):
            await self._write(key, batch)
            self._sent.pop(key, None)

    async def of(self, caller: str, days: int = 31) -> tuple[Day, ...]:
        """The caller's days with calls, the newest first.

        Raises:
            Unavailable: Redis is away.
        """
        dates = tuple(self._dates(days))
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for date in dates:
                pipeline.hgetall(self._key(caller, date))
            found = await pipeline.execute()
        return tuple(_day(date, events) for date, events in zip(dates, found, strict=True) if events)

    async def callers(self, days: int = 31) -> tuple[str, ...]:
        """Everybody who called within these days.

        Raises:
            Unavailable: Redis is away.
        """
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for date in self._dates(days):
                pipeline.smembers(USERS_OF_DAY.key(self._store.prefix, date))
            found = await pipeline.execute()
        return tuple(sorted({caller.decode() for day in found for caller in day}))

    @property
    def _waiting(self) -> bool:
        return bool(self._counts or self._sent)

    async def _flush_if_possible(self) -> None:
        with contextlib.suppress(Unavailable):
            await self.flush()

    async def _write_all(self) -> None:
        while self._waiting:
            try:
                await self.flush()
            except Unavailable:
                await asyncio.sleep(LAST_WORD_SECONDS / 10)

    async def _write(self, key: _Key, batch: _Batch) -> None:
        (caller, date), (number, events) = key, batch
        users = USERS_OF_DAY.key(self._store.prefix, date)
        pairs = [part for pair in events.items() for part in pair]
        async with self._store.visit() as redis:
            seconds = (STRANGERS_USAGE if is_stranger(caller) else USAGE).ttl or 0
            await ADD_BATCH.run(redis, [self._key(caller, date)], [self._name, number, seconds, *pairs])
            pipeline = redis.pipeline(transaction=False)
            pipeline.sadd(users, caller)
            pipeline.expire(users, USERS_OF_DAY.ttl or 0)
            await pipeline.execute()

    def _dates(self, days: int) -> Iterator[str]:
        today = self._now()
        return (f"{today - timedelta(days=number):%Y-%m-%d}" for number in range(days))

    def _key(self, caller: str, date: str) -> str:
        return USAGE.key(self._store.prefix, f"{caller}:{date}")


def _day(date: str, events: Mapping[bytes, bytes]) -> Day:
    kinds: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for what, count in sorted(events.items()):
        kind, _, name = what.decode().partition(":")
        kinds[kind][name] = int(count)
    return Day(date, kinds["calls"], kinds["errors"], kinds["charged"])
