"""Who of all replicas does a piece of work: a key that ends by itself unless its owner holds on to it."""

import secrets

from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import LEASES
from reddit_mcp.storage.redis.lua_scripts import Script

# KEYS: the lease. ARGV: own name, seconds. Returns whether it is ours now.
_HOLD = Script("""
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
""")

# KEYS: the lease. ARGV: own name.
_RELEASE = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
""")


class Lease:
    """A replica's claim to a piece of work. Every method raises `Unavailable` while Redis is away.

    Args:
        store: the state that replicas share.
        work: what is done by one at a time.
    """

    def __init__(self, store: Store, work: str) -> None:
        self._store = store
        self._key = LEASES.key(store.prefix, work)
        self._name = secrets.token_hex(8)

    async def hold(self, seconds: int) -> bool:
        """Take it, or keep it, for so long (an hour at most); False while it is another's."""
        async with self._store.visit() as redis:
            return bool(await _HOLD.run(redis, [self._key], (self._name, min(seconds, LEASES.ttl or 0))))

    async def release(self) -> None:
        """Leave the work to others."""
        async with self._store.visit() as redis:
            await _RELEASE.run(redis, [self._key], (self._name,))
