"""Cached answers in Redis, and the marks that keep them valid.

Each tag of an answer has a mark, a random word under a key of its own. An answer names the marks that stood when its
question was asked, and is valid while they all still stand: a purge deletes one small key, finds every answer of the
tag, and reaches even those still on their way. A mark that Redis evicted or lost makes answers invalid, never valid.
"""

import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import TypeVar

from redis.asyncio import Redis

from reddit_mcp.models import Value
from reddit_mcp.storage.cache.cache_encoding import Entry, unseal
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import ENTRIES, PURGE_MARKS, TWO_DAYS

T = TypeVar("T", bound=Value)

VERSION = 2
"""Raised when a model changes its meaning, so that answers of an older release are not misread."""

Marks = Mapping[str, str]

_LONGEST_TTL = 86_400


def entry_key(prefix: str, upstream: str, question: str) -> str:
    """Build `reddit:<kind>:<hash>:<version>`; an answer of one upstream is never another's."""
    kind = question.partition(":")[0]
    digest = sha256(f"{upstream}\n{question}".encode()).hexdigest()[:32]
    return f"{prefix}{ENTRIES.name}:{kind}:{digest}:{VERSION}"


def mark_key(prefix: str, tag: str) -> str:
    """Build the key of a tag's mark."""
    return PURGE_MARKS.key(prefix, tag)


class CacheEntries:
    """The cached answers of one upstream. Every method raises `Unavailable` while Redis is away.

    Args:
        store: the Redis.
        upstream: who answers, such as its address and the client id.
        seconds: how long an answer is kept, fresh or not; never less than the longest ttl, a day.
    """

    def __init__(self, store: Store, upstream: str, seconds: float = TWO_DAYS) -> None:
        self._store = store
        self._upstream = upstream
        self._seconds = max(_LONGEST_TTL, math.ceil(seconds))

    async def read(self, question: str, model: type[T], tags: Sequence[str]) -> Entry[T] | None:
        """Read the answer to a question; one that cannot be read is deleted."""
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            pipeline.get(self._key(question))
            for tag in tags:
                pipeline.get(self._mark(tag))
            stored, *marks = await pipeline.execute()
            return await self._valid(redis, question, model, stored, _known(tags, marks))

    async def begin(self, question: str, model: type[T], tags: Sequence[str]) -> tuple[Entry[T] | None, Marks]:
        """Read the answer and the marks that a new one has to name; a mark that is missing is made."""
        new = secrets.token_hex(8)
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            pipeline.get(self._key(question))
            for tag in tags:
                pipeline.set(self._mark(tag), new, nx=True, get=True, ex=self._seconds)
            stored, *old = await pipeline.execute()
            marks = _known(tags, [mark or new.encode() for mark in old])
            return await self._valid(redis, question, model, stored, marks), marks

    async def write(self, answers: Iterable[tuple[str, bytes, float]], marks: Marks) -> None:
        """Store questions' answers, each for a number of seconds that `seconds` bounds; their marks live on."""
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for question, stored, seconds in answers:
                pipeline.set(self._key(question), stored, ex=max(1, math.ceil(min(seconds, self._seconds))))
            for tag in marks:
                pipeline.expire(self._mark(tag), self._seconds)
            await pipeline.execute()

    async def delete(self, question: str) -> None:
        """Forget the answer to a question."""
        async with self._store.visit() as redis:
            await redis.delete(self._key(question))

    async def _valid(
        self, redis: Redis, question: str, model: type[T], stored: bytes | None, known: Marks
    ) -> Entry[T] | None:
        if stored is None:
            return None
        entry = unseal(stored, model)
        if entry and await self._stand(redis, entry.facts.marks, known):
            return entry
        await redis.delete(self._key(question))
        return None

    async def _stand(self, redis: Redis, marks: Marks, known: Marks) -> bool:
        """Whether the marks still stand; the same answer may have been stored under other tags than it is read."""
        if others := [tag for tag in marks if tag not in known]:
            pipeline = redis.pipeline(transaction=False)
            for tag in others:
                pipeline.get(self._mark(tag))
            known = {**known, **_known(others, await pipeline.execute())}
        return all(known.get(tag) == mark for tag, mark in marks.items())

    def _key(self, question: str) -> str:
        return entry_key(self._store.prefix, self._upstream, question)

    def _mark(self, tag: str) -> str:
        return mark_key(self._store.prefix, tag)


def _known(tags: Sequence[str], marks: Iterable[bytes | None]) -> dict[str, str]:
    return {tag: mark.decode(errors="replace") for tag, mark in zip(tags, marks, strict=True) if mark}
