"""Which alerts were told, shared by all replicas, so that whoever evaluates the rules next knows."""

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import ALERTS


@dataclass(frozen=True, slots=True)
class AlertState:
    """What was told of a rule last.

    Attributes:
        severity: as it was told.
        told_at: when; seconds since 1970.
        active: whether it holds and its end has yet to be told.
    """

    severity: str
    told_at: float
    active: bool


class AlertStates:
    """The states by rule. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = ALERTS.key(store.prefix, "all")

    async def read(self) -> dict[str, AlertState]:
        """All that is remembered."""
        async with self._store.visit() as redis:
            found: dict[Any, Any] = await redis.hgetall(self._key)
        return {rule.decode(): AlertState(**orjson.loads(state)) for rule, state in found.items()}

    async def write(self, rule: str, state: AlertState) -> None:
        """Remember what is told now."""
        async with self._store.visit() as redis:
            await redis.hset(self._key, rule, orjson.dumps(asdict(state)))
            await redis.expire(self._key, ALERTS.ttl or 0)
