"""One Source in front of several: the one that answers now, and one that stands in for it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from reddit_mcp.errors import Failure, NotFound, Unavailable
from reddit_mcp.models import Listing, Value
from reddit_mcp.observability import metrics
from reddit_mcp.upstream.source import Answer, Query, Source, SourceName

T = TypeVar("T", bound=Value)


@dataclass(slots=True)
class ActiveSource:
    """Who answers now, and why that one; it changes when a better source comes back."""

    name: SourceName
    why: str


class Named:
    """Writes on every answer of the Source below who gave it."""

    def __init__(self, below: Source, name: SourceName) -> None:
        self._below = below
        self._name = name

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask below."""
        return replace(await self._below.fetch(query), source=self._name)


class Switch:
    """Asks the Source that is chosen at the moment of the question."""

    def __init__(self, chosen: Callable[[], Source]) -> None:
        self._chosen = chosen

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask the chosen one."""
        return await self._chosen().fetch(query)


Lacks = Callable[[Query[Any], Answer[Any] | Failure], bool]
"""Whether what the first Source gave calls for the second."""


class StandIn:
    """Asks a second Source where the first lacks something; where both do, the first one's word holds.

    Args:
        first: is asked first.
        second: is asked then.
        lacks: tells when.
        remark: what is said of the second's answers.
    """

    def __init__(self, first: Source, second: Source, lacks: Lacks, remark: str) -> None:
        self._first = first
        self._second = second
        self._lacks = lacks
        self._remark = remark

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask the first, and perhaps the second."""
        try:
            answer = await self._first.fetch(query)
        except Failure as failure:
            if not self._lacks(query, failure):
                raise
            try:
                return await self._instead(query, failure.calls)
            except Failure as other:
                failure.calls += other.calls
                raise failure from other
        return await self._better(query, answer) if self._lacks(query, answer) else answer

    async def _better(self, query: Query[T], answer: Answer[T]) -> Answer[T]:
        try:
            return await self._instead(query, answer.calls)
        except Failure as other:
            return replace(answer, calls=answer.calls + other.calls)

    async def _instead(self, query: Query[T], spent: int) -> Answer[T]:
        answer = await self._second.fetch(query)
        metrics.count(metrics.FALLBACKS, "other_source")
        limits = f"{self._remark} {answer.limits}" if answer.limits else self._remark
        return replace(answer, calls=answer.calls + spent, limits=limits)


def during_outage(is_open: Callable[[], bool]) -> Lacks:
    """While the first one's circuit breaker is open: for what it refuses, and for what it has only stale."""

    def lacks(_query: Query[Any], given: Answer[Any] | Failure) -> bool:
        if isinstance(given, Failure):
            return isinstance(given, Unavailable) and given.data.get("reason") == "breaker_open"
        return given.stale and is_open()

    return lacks


def what_is_missing(query: Query[Any], given: Answer[Any] | Failure) -> bool:
    """What the first one does not have; the question for things by their ids names none then."""
    if isinstance(given, Failure):
        return isinstance(given, NotFound)
    return query.path == "/api/info" and isinstance(given.value, Listing) and not given.value.items
