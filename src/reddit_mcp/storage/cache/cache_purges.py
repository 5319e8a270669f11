"""Purges of cached answers: their marks go, and every process hears of it."""

import json
from collections.abc import Callable, Collection

from reddit_mcp.storage.cache.cache_entries import mark_key
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.pubsub import PubSub

Heard = Callable[[frozenset[str] | None], None]

_TOPIC = "purge"


class CachePurges:
    """The purges of all processes."""

    def __init__(self, store: Store, notices: PubSub) -> None:
        self._store = store
        self._notices = notices

    def on(self, heard: Heard) -> None:
        """Call `heard` with the tags of each purge, or with None where some may have been missed."""
        self._notices.on(_TOPIC, lambda text: heard(None if text is None else _tags(text)))

    async def purge(self, tags: Collection[str]) -> None:
        """Make every cached answer of these tags invalid, and tell every process.

        Raises:
            Unavailable: Redis is away, or refuses to pass the word on (the user needs the channel too).
        """
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for tag in tags:
                pipeline.delete(mark_key(self._store.prefix, tag))
            await pipeline.execute()
        # Only now: a process that hears it and asks Redis must not find the marks.
        await self._notices.send(_TOPIC, json.dumps(sorted(tags)))


def _tags(text: str) -> frozenset[str] | None:
    try:
        return frozenset(json.loads(text))
    except (ValueError, TypeError):
        return None
