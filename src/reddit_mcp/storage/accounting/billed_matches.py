"""Which matches of watches are charged already, over all replicas.

A claim says since when somebody charges it. Its holder may be killed in between, so after a moment somebody else takes
it over, with the same idempotency key; once the platform may have forgotten that key, nobody does: it may be charged.
"""

import time
from collections.abc import Callable, Sequence

from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import BILLED_MATCHES

HOLDER_SECONDS = 5.0
"""How long a claim's holder is left alone; a charge takes 3 s at most."""

REPEATABLE_SECONDS = 170.0
"""How long a charge may be sent again; the platform knows an idempotency key for 180 s."""

_DONE = b"done"


class BilledMatches:
    """One key per match. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    async def claim(self, match_ids: Sequence[str]) -> tuple[str, ...]:
        """Those that this caller has to charge."""
        if not match_ids:
            return ()
        now = self._now()
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for match_id in match_ids:
                pipeline.set(self._key(match_id), f"{now:.3f}", ex=BILLED_MATCHES.ttl, nx=True, get=True)
            found = await pipeline.execute()
        return tuple(match_id for match_id, held in zip(match_ids, found, strict=True) if _is_free(held, now))

    async def confirm(self, match_ids: Sequence[str]) -> None:
        """They are charged, or the ledger sees to it."""
        if not match_ids:
            return
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for match_id in match_ids:
                pipeline.set(self._key(match_id), _DONE, ex=BILLED_MATCHES.ttl)
            await pipeline.execute()

    async def release(self, match_ids: Sequence[str]) -> None:
        """They are surely not charged; the next one may."""
        if not match_ids:
            return
        async with self._store.visit() as redis:
            pipeline = redis.pipeline(transaction=False)
            for match_id in match_ids:
                pipeline.delete(self._key(match_id))
            await pipeline.execute()

    def _key(self, match_id: str) -> str:
        return BILLED_MATCHES.key(self._store.prefix, match_id)


def _is_free(held: bytes | None, now: float) -> bool:
    if held is None:
        return True
    return held != _DONE and HOLDER_SECONDS < now - float(held) < REPEATABLE_SECONDS
