"""The outermost layer: known answers are served, renewed before they end, and stand in while Reddit cannot answer."""

import asyncio
import contextlib
import contextvars
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

from reddit_mcp.errors import DeadlineExceeded, Failure, RateLimited, Unavailable, UpstreamError
from reddit_mcp.models import Value
from reddit_mcp.observability import metrics
from reddit_mcp.storage.cache.cache_encoding import Entry
from reddit_mcp.upstream.cache.two_tier_cache import TwoTierCache, known
from reddit_mcp.upstream.single_flight.call_context import deadline
from reddit_mcp.upstream.source import Answer, Priority, Query, Source

T = TypeVar("T", bound=Value)

STALE_MAX = 86_400.0
"""Seconds an answer may be old that stands in while Reddit's budget is used up; twice that while Reddit is down."""

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class CacheLayer:
    """A Source that answers from the cache while it may; an async context manager that ends its renewals.

    Fresh answers are served; in the last fifth of their time they are also renewed in the background, once. Older ones
    stand in, marked stale, when the Source below fails by no fault of the question. Failures are not remembered: equal
    questions at once share one already, and a thing that was missing may appear.

    Args:
        below: is asked what is not cached, and stores its answers.
        answers: the cached answers.
        stale_max: seconds an answer may be old that stands in.
        upstream: the name of who is asked in the end, for people.
    """

    def __init__(
        self, below: Source, answers: TwoTierCache, stale_max: float = STALE_MAX, upstream: str = "Reddit"
    ) -> None:
        self._below = below
        self._answers = answers
        self._stale_max = stale_max
        self._upstream = upstream
        self._renewals: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._renewals:
            task.cancel()
        await asyncio.gather(*self._renewals, return_exceptions=True)

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Answer from the cache if possible, else from below."""
        if query.fresh:
            return await self._below.fetch(query)
        entry = self._answers.recent(query)
        if entry is None or not entry.facts.is_fresh(self._answers.clock()):
            entry = await self._answers.find(query)
        if entry is None:
            return await self._below.fetch(query)
        facts, now = entry.facts, self._answers.clock()
        if not facts.is_fresh(now):
            return await self._renewed(query, entry)
        if facts.is_due(now) and self._answers.claim(query):
            self._renew(query, facts.fresh_until - now)
        return known(entry, facts.age(now))

    async def _renewed(self, query: Query[T], entry: Entry[T]) -> Answer[T]:
        try:
            return await self._below.fetch(query)
        except (RateLimited, Unavailable, UpstreamError, DeadlineExceeded) as failure:
            age = entry.facts.age(self._answers.clock())
            if age > self._stale_max * (1 if isinstance(failure, RateLimited) else 2):
                raise
            trouble = f"{_trouble(failure, self._upstream)}; this answer is {_words(age)} old."
            metrics.count(metrics.FALLBACKS, "stale")
            # the requests it took to learn that the upstream cannot answer are this answer's
            return replace(known(entry, age), calls=failure.calls, stale=True, degraded=trouble)

    def _renew(self, query: Query[Any], seconds: float) -> None:
        """Nobody waits for a renewal: it comes last, owes nothing to the caller, and ends with the answer's time."""
        task = asyncio.create_task(
            self._renewal(replace(query, priority=Priority.LOW), seconds), context=contextvars.Context()
        )
        self._renewals.add(task)
        task.add_done_callback(self._renewals.discard)

    async def _renewal(self, query: Query[Any], seconds: float) -> None:
        deadline.set(asyncio.get_running_loop().time() + seconds)
        with contextlib.suppress(Failure):
            await self._below.fetch(query)


def _trouble(failure: Failure, upstream: str) -> str:
    if isinstance(failure, RateLimited):
        return f"{upstream}'s request budget is used up"
    return (
        f"{upstream} did not answer in time" if isinstance(failure, DeadlineExceeded) else f"{upstream} is unavailable"
    )


def _words(age: float) -> str:
    """An age as people say it."""
    seconds, unit = next(((s, u) for s, u in _UNITS if age >= s), _UNITS[-1])
    number = int(age // seconds)
    return f"{number} {unit}{'' if number == 1 else 's'}"
