"""What is about to be charged, written down before it is: a crash between the two loses nothing.

One hash per run of the Actor, its fields are the idempotency keys.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import LEDGER
from reddit_mcp.storage.redis.lua_scripts import Script

# KEYS: the run's hash. ARGV: seconds to keep it, then idempotency keys and what is meant by them.
_WRITE = Script("""
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
""")


@dataclass(frozen=True, slots=True)
class Intent:
    """One event that will be charged.

    Attributes:
        key: its idempotency key; the same key never charges twice within the platform's window.
        event: its name in the pricing.
        caller: whose usage it is.
        at: when it was decided, in seconds since 1970.
    """

    key: str
    event: str
    caller: str
    at: float


class ChargeLedger:
    """The open intents of one run. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._key = LEDGER.key(store.prefix, run_id)

    async def write(self, intents: Iterable[Intent]) -> None:
        """Note them before they are sent."""
        fields = [(intent.key, json.dumps([intent.event, intent.caller, intent.at])) for intent in intents]
        pairs = [part for field in fields for part in field]
        async with self._store.visit() as redis:
            await _WRITE.run(redis, [self._key], [LEDGER.ttl or 0, *pairs])

    async def clear(self, keys: Sequence[str]) -> None:
        """Forget them: they are charged, or never will be."""
        async with self._store.visit() as redis:
            await redis.hdel(self._key, *keys)

    async def intents(self) -> tuple[Intent, ...]:
        """What is not settled, such as what a process that was killed left behind."""
        async with self._store.visit() as redis:
            found = cast("Mapping[bytes, bytes]", await redis.hgetall(self._key))
        return tuple(Intent(key.decode(), *json.loads(body)) for key, body in found.items())
