"""What became of each match's webhook, and since when a watch's receiver has been failing."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import DEAD_LETTERS, DELIVERIES, DELIVERY_ORDER, WEBHOOK_FAULTS
from reddit_mcp.storage.redis.lua_scripts import Script

MOST_DELIVERIES = 1000
MOST_DEAD_LETTERS = 100

# For scripts whose first two keys are the deliveries of one watch and their order.
_KEEP = """
local function keep(most, seconds)
  local beyond = -1 - tonumber(most)
  for _, old in ipairs(redis.call('ZRANGE', KEYS[2], 0, beyond)) do redis.call('HDEL', KEYS[1], old) end
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, beyond)
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, seconds) end
end
"""

# KEYS: the deliveries, their order, the dead letters of one watch. ARGV: match id, JSON, when it began, when it died or
# nothing, and the numbers kept of both, and the seconds.
_PUT = Script(
    _KEEP
    + """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], 'NX', ARGV[3], ARGV[1])
if ARGV[4] ~= '' then
  redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - tonumber(ARGV[6]))
end
keep(ARGV[5], ARGV[7])
"""
)

# KEYS: the deliveries of one watch, their order. ARGV: JSON, when they began, the number kept, the seconds, match ids.
_BEGIN = Script(
    _KEEP
    + """
for i = 5, #ARGV do
  redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[1])
  redis.call('ZADD', KEYS[2], 'NX', ARGV[2], ARGV[i])
end
keep(ARGV[3], ARGV[4])
"""
)

# KEYS: the faults of one watch's receiver. ARGV: now, the error, seconds. Gives when they began.
_FAULT = Script("""
redis.call('HSETNX', KEYS[1], 'since', ARGV[1])
redis.call('HSET', KEYS[1], 'error', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return redis.call('HGET', KEYS[1], 'since')
""")


class DeliveryState(BaseModel):
    """What became of one match's webhook. Times are seconds since 1970.

    Attributes:
        attempts: how often it was sent.
        error: why the latest attempt failed.
    """

    model_config = ConfigDict(frozen=True)

    state: Literal["pending", "delivered", "failed"] = "pending"
    attempts: int = 0
    began_utc: int
    next_attempt_utc: int | None = None
    ended_utc: int | None = None
    error: str | None = None

    @property
    def is_new(self) -> bool:
        """Whether it waits for its first attempt."""
        return self.state == "pending" and not self.attempts


class Faults(BaseModel):
    """Since when a receiver has been failing, and how."""

    model_config = ConfigDict(frozen=True)

    since: int
    error: str


class DeliveryRecords:
    """The deliveries of every watch; every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, watch_id: str, match_ids: Sequence[str], now: int) -> None:
        """Write that these wait for their first attempt; of those that are known already, nothing changes."""
        keys = [kind.key(self._store.prefix, watch_id) for kind in (DELIVERIES, DELIVERY_ORDER)]
        first = DeliveryState(began_utc=now).model_dump_json(exclude_none=True)
        async with self._store.visit() as redis:
            await _BEGIN.run(redis, keys, (first, now, MOST_DELIVERIES, DELIVERIES.ttl or 0, *match_ids))

    async def put(self, watch_id: str, match_id: str, delivery: DeliveryState) -> None:
        """Write what became of it; the latest thousand are kept, and the latest hundred that failed."""
        kinds = (DELIVERIES, DELIVERY_ORDER, DEAD_LETTERS)
        keys = [kind.key(self._store.prefix, watch_id) for kind in kinds]
        died = str(delivery.ended_utc) if delivery.state == "failed" else ""
        arguments = (match_id, delivery.model_dump_json(exclude_none=True), delivery.began_utc, died)
        limits = (MOST_DELIVERIES, MOST_DEAD_LETTERS, DELIVERIES.ttl or 0)
        async with self._store.visit() as redis:
            await _PUT.run(redis, keys, (*arguments, *limits))

    async def get(self, watch_id: str, match_ids: Sequence[str]) -> dict[str, DeliveryState]:
        """Read those that there are."""
        if not match_ids:
            return {}
        async with self._store.visit() as redis:
            found = await redis.hmget(DELIVERIES.key(self._store.prefix, watch_id), list(match_ids))
        pairs = zip(match_ids, found, strict=True)
        return {match_id: delivery for match_id, raw in pairs if raw and (delivery := _parse(raw))}

    async def dead_letters(self, watch_id: str) -> dict[str, DeliveryState]:
        """Those that were given up, the latest first."""
        key = DEAD_LETTERS.key(self._store.prefix, watch_id)
        async with self._store.visit() as redis:
            found = await redis.zrevrange(key, 0, MOST_DEAD_LETTERS - 1)
        return await self.get(watch_id, [_text(match_id) for match_id in found])

    async def fault(self, watch_id: str, error: str, now: int) -> int:
        """Note that the receiver failed; gives when it began to fail."""
        key = WEBHOOK_FAULTS.key(self._store.prefix, watch_id)
        async with self._store.visit() as redis:
            return int(await _FAULT.run(redis, [key], (now, error, WEBHOOK_FAULTS.ttl or 0)))

    async def well(self, watch_id: str) -> None:
        """Note that the receiver works, or is to be given a new start."""
        async with self._store.visit() as redis:
            await redis.delete(WEBHOOK_FAULTS.key(self._store.prefix, watch_id))

    async def faults(self, watch_id: str) -> Faults | None:
        """Since when the receiver has been failing; None = it is not."""
        async with self._store.visit() as redis:
            found = await redis.hgetall(WEBHOOK_FAULTS.key(self._store.prefix, watch_id))
        if not found:
            return None
        return Faults(since=int(found[b"since"]), error=_text(found[b"error"]))

    async def forget(self, watch_id: str) -> None:
        """Delete all that there is of a watch."""
        kinds = (DELIVERIES, DELIVERY_ORDER, DEAD_LETTERS, WEBHOOK_FAULTS)
        async with self._store.visit() as redis:
            await redis.delete(*(kind.key(self._store.prefix, watch_id) for kind in kinds))


def _text(raw: Any) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)


def _parse(raw: bytes | str) -> DeliveryState | None:
    try:
        return DeliveryState.model_validate_json(raw)
    except ValidationError:
        return None
