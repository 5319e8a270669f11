"""An in-process cache of answers, bounded in number; the oldest leaves first."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from reddit_mcp.models import Value
from reddit_mcp.reddit.source import Answer, Query, Source

T = TypeVar("T", bound=Value)


class Cache:
    """A Source that remembers what the Source below answered until its ttl is over."""

    def __init__(self, below: Source, entries: int = 1000, clock: Callable[[], float] = time.monotonic) -> None:
        self._below = below
        self._limit = entries
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, Answer[Any]]] = OrderedDict()

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Answer from memory while fresh, else from below."""
        key = query.key
        if known := self._entries.get(key):
            stored, answer = known
            if (age := self._clock() - stored) < answer.ttl:
                return replace(answer, calls=0, cached=True, age=age)
        answer = await self._below.fetch(query)
        self._keep(key, answer)
        return answer

    def _keep(self, key: str, answer: Answer[Any]) -> None:
        self._entries[key] = (self._clock(), answer)
        self._entries.move_to_end(key)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)
