"""The layer that lets nothing through while the operator wants answers from the cache alone."""

from typing import TypeVar

from reddit_mcp.errors import Unavailable
from reddit_mcp.models import Value
from reddit_mcp.storage.cache_only_switch import CacheOnlySwitch
from reddit_mcp.upstream.source import Answer, Query, Source

T = TypeVar("T", bound=Value)


class CacheOnly:
    """A Source that refuses while the switch is on; the cache above stands in with what it has.

    Args:
        below: is asked while it is off.
        switch: the operator's.
    """

    def __init__(self, below: Source, switch: CacheOnlySwitch) -> None:
        self._below = below
        self._switch = switch

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask below.

        Raises:
            Unavailable: the switch is on (`cache_only`).
        """
        if self._switch.is_on:
            raise Unavailable(
                "This server answers from its cache alone for now, and has no answer to this; try again later.",
                service="reddit",
                reason="cache_only",
            )
        return await self._below.fetch(query)
