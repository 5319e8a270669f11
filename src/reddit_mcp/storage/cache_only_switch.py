"""The operator's switch to cache-only: no source is asked any more, on any replica, until it is switched back."""

import contextlib
from types import TracebackType
from typing import Self

from reddit_mcp.errors import Unavailable
from reddit_mcp.event_wait import Repetition
from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import CACHE_ONLY

LOOK_SECONDS = 1.0


class CacheOnlySwitch:
    """Follows the switch; an async context manager. Redis away, it stays as it was last seen.

    Attributes:
        is_on: whether it is on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_on = False
        self._often = Repetition(self._look, LOOK_SECONDS)

    async def __aenter__(self) -> Self:
        await self._look()
        self._often.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._often.end()

    async def check(self) -> str:
        """What `/health` says of it.

        Raises:
            Unavailable: it is on.
        """
        if self.is_on:
            raise Unavailable("The operator has switched to cache-only; no source is asked.", reason="cache_only")
        return "off"

    async def _look(self) -> None:
        before = self.is_on
        with contextlib.suppress(Unavailable):
            async with self._store.visit() as redis:
                self.is_on = bool(await redis.exists(_key(self._store)))
        if self.is_on != before:
            logger(__name__).warning("cache_only", on=self.is_on)


async def switch(store: Store, *, on: bool) -> None:
    """Throw the switch; every replica follows within seconds.

    Raises:
        Unavailable: Redis is away.
    """
    async with store.visit() as redis:
        await (redis.set(_key(store), 1) if on else redis.delete(_key(store)))


def _key(store: Store) -> str:
    return CACHE_ONLY.key(store.prefix, "all")
