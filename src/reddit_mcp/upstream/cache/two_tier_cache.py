"""What is known of Reddit: answers in this process, and behind them those in Redis, which all replicas share.

Redis away never fails anything here: then this process alone remembers.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from reddit_mcp.errors import Unavailable
from reddit_mcp.models import Listing, Post, Thread, Value
from reddit_mcp.observability import metrics
from reddit_mcp.storage.cache.cache_encoding import LARGEST, Entry, Facts, seal
from reddit_mcp.storage.cache.cache_entries import CacheEntries, Marks
from reddit_mcp.storage.cache.cache_purges import CachePurges
from reddit_mcp.upstream.cache.memory_cache import MemoryCache, Moment
from reddit_mcp.upstream.source import Answer, Kind, Query

T = TypeVar("T", bound=Value)

JITTER = 0.1
"""By how much of its ttl an answer may end earlier, so that answers of one moment do not all end at another."""


@dataclass(frozen=True, slots=True)
class Start:
    """The state of the cache when a question was asked; `marks` is None while Redis is away."""

    marks: Marks | None
    moment: Moment


class TwoTierCache:
    """Answers of one upstream.

    Args:
        memory: this process's part.
        entries: the shared part.
        purges: where purges are heard.
        clock: seconds since 1970.
        chance: draws from 0 to 1.
    """

    def __init__(
        self,
        memory: MemoryCache,
        entries: CacheEntries,
        purges: CachePurges,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.clock = clock
        self._memory = memory
        self._entries = entries
        self._purges = purges
        self._chance = chance
        self._looks: dict[str, asyncio.Task[Any]] = {}
        purges.on(lambda tags: memory.doubt() if tags is None else memory.purge(tags))

    def recent(self, query: Query[T]) -> Entry[T] | None:
        """The answer, if this process knows it for sure."""
        entry = self._memory.recent(query.key)
        metrics.count(metrics.CACHE_LOOKUPS, "memory", "hit" if entry else "miss")
        return entry

    def claim(self, query: Query[Any]) -> bool:
        """Whether nobody in this process has set out to renew this answer yet."""
        return self._memory.claim(query.key)

    async def find(self, query: Query[T]) -> Entry[T] | None:
        """The answer that all replicas share; this process's own while Redis is away."""
        look = self._looks.get(query.key)
        if look is None:  # a crowd that asks the same at once needs one look
            look = self._looks[query.key] = asyncio.create_task(self._find(query))
            look.add_done_callback(lambda _: self._looks.pop(query.key))
        found: Entry[T] | None = await asyncio.shield(look)
        return found

    async def _find(self, query: Query[T]) -> Entry[T] | None:
        asked = self._memory.moment()
        try:
            with metrics.child(metrics.CACHE_SECONDS, ()).time():
                entry = await self._entries.read(query.key, query.model, tags_of(query))
        except Unavailable:
            metrics.count(metrics.FALLBACKS, "memory")
            return self._memory.last(query.key)
        metrics.count(metrics.CACHE_LOOKUPS, "redis", "hit" if entry else "miss")
        self._learn(query.key, entry, asked)
        return entry

    async def begin(self, query: Query[T]) -> tuple[Entry[T] | None, Start]:
        """Before asking: the answer as it is now, perhaps another replica's, and what `keep` needs to know."""
        asked = self._memory.moment()
        try:
            entry, marks = await self._entries.begin(query.key, query.model, tags_of(query))
        except Unavailable:
            return None, Start(None, asked)
        self._learn(query.key, entry, asked)
        return entry, Start(marks, asked)

    async def keep(self, query: Query[T], answer: Answer[T], start: Start) -> None:
        """Remember an answer, and each post on its page as the answer to the question for that post alone."""
        marks = dict.fromkeys(tags_of(query), "") if start.marks is None else start.marks
        facts = self._facts(answer, marks)
        entry, stored = seal(answer.value, facts)
        if entry.size > LARGEST:
            return
        self._memory.put(query.key, entry, start.moment)
        fresh = facts.fresh_until - self.clock()
        writes = [(query.key, stored, math.inf), *((*single, fresh) for single in self._singles(query, entry, start))]
        if start.marks is not None:
            with suppress(Unavailable):
                await self._entries.write(writes, marks)

    async def forget(self, query: Query[Any]) -> None:
        """Drop the answer to a question about something that is gone."""
        self._memory.drop(query.key)
        with suppress(Unavailable):
            await self._entries.delete(query.key)

    async def purge(self, purged: Collection[str]) -> None:
        """Drop all answers of these tags, in every process.

        Raises:
            Unavailable: Redis is away, so the others cannot be told.
        """
        self._memory.purge(purged)
        await self._purges.purge(purged)

    def _learn(self, question: str, entry: Entry[Any] | None, asked: Moment) -> None:
        if entry:
            self._memory.put(question, entry, asked)
        else:
            self._memory.drop(question)

    def _facts(self, answer: Answer[Any], marks: Marks) -> Facts:
        stored_at = self.clock() - answer.age
        return Facts(
            model=type(answer.value).__name__,
            stored_at=stored_at,
            fresh_until=stored_at + answer.ttl * (1 - JITTER * self._chance()),
            ttl=answer.ttl,
            archive=answer.archive,
            limits=answer.limits,
            marks=dict(marks),
        )

    def _singles(self, query: Query[Any], entry: Entry[Any], start: Start) -> Iterator[tuple[str, bytes]]:
        for post in _posts(entry.value):
            if (question := single(post.id).key) != query.key:
                alone, stored = seal(Listing(items=(post,)), entry.facts)
                self._memory.put(question, alone, start.moment, spare=True)
                yield question, stored


def known(entry: Entry[T], age: float) -> Answer[T]:
    """A cached answer of this age in seconds."""
    facts = entry.facts
    return Answer(
        entry.value,
        age=age,
        cached=True,
        ttl=facts.ttl,
        archive=facts.archive,
        limits=facts.limits,
        views=entry.views,
    )


def _posts(value: Value) -> Iterator[Post]:
    if isinstance(value, Thread):
        yield value.post
    if isinstance(value, Listing):
        yield from (item for item in value.items if isinstance(item, Post))


def single(post_id: str, ttl: int = 300) -> Query[Listing]:
    """The question for one post; a page with that post on it, or its thread, answers it too."""
    return Query(
        kind="listing",
        model=Listing,
        resource=f"post {post_id}",
        path="/api/info",
        params=(("id", f"t3_{post_id}"),),
        ttl=ttl,
    )


def tags_of(query: Query[Any]) -> tuple[str, ...]:
    """What a purge may name: the query's kind, its own tags, and both at once."""
    return (*purge_tags(query.kind), *query.tags, *(_both(query.kind, tag) for tag in query.tags))


def purge_tags(kind: Kind | None = None, about: str | None = None) -> tuple[str, ...]:
    """The tags to purge for all answers of a kind, with a tag such as `subreddit:python`, with both, or for all."""
    if kind and about:
        return (_both(kind, about),)
    return (about,) if about else tuple(f"tool:{each}" for each in ([kind] if kind else get_args(Kind)))


def _both(kind: Kind, tag: str) -> str:
    return f"tool:{kind} {tag}"
