"""The watches of each owner, as one Redis hash of JSON values: an owner never sees another's."""

import logging
import secrets
from collections.abc import Callable
from typing import Literal

from pydantic import ValidationError
from redis.asyncio import Redis

from reddit_mcp.errors import Forbidden, NotFound
from reddit_mcp.models import Watch
from reddit_mcp.storage.connection import Store
from reddit_mcp.storage.keyspace import WATCHES
from reddit_mcp.storage.scripts import Script

_log = logging.getLogger(__name__)

# KEYS: the owner's hash. ARGV: watch id, JSON, limit. 1 = stored, 0 = the owner has as many as allowed.
_CREATE = Script("""
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
""")

# KEYS: the owner's hash. ARGV: watch id, the JSON seen, the new JSON. 1 = replaced, 0 = somebody was faster.
# The change itself is made in Python: Lua's cjson would turn an empty list into an object.
_REPLACE = Script("""
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
""")


def new_watch_id() -> str:
    """Draw an id that cannot be guessed: 12 characters of [A-Za-z0-9_-], 72 random bits."""
    return secrets.token_urlsafe(9)


class Watches:
    """Keyword watches. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, watch: Watch, *, limit: int) -> None:
        """Store a new watch, unless its owner has `limit` already.

        Raises:
            Forbidden: the owner has as many as allowed.
        """
        async with self._store.visit() as redis:
            arguments = (watch.watch_id, watch.model_dump_json(), limit)
            stored = await _CREATE.run(redis, [self._key(watch.owner)], arguments)
        if not stored:
            raise Forbidden(
                f"Your plan allows {limit} keyword watches and you have as many; delete one first, or upgrade.",
                resource="watch",
            )

    async def get(self, owner: str, watch_id: str) -> Watch:
        """Read one watch.

        Raises:
            NotFound: there is none of this id, or it is somebody else's.
        """
        async with self._store.visit() as redis:
            raw = await redis.hget(self._key(owner), watch_id)
        return _found(raw)

    async def list(self, owner: str) -> tuple[Watch, ...]:
        """Read all watches of an owner, the oldest first."""
        async with self._store.visit() as redis:
            values = await redis.hvals(self._key(owner))
        watches = (watch for raw in values if (watch := _parse(raw)))
        return tuple(sorted(watches, key=lambda watch: (watch.created_utc, watch.watch_id)))

    async def set_status(self, owner: str, watch_id: str, status: Literal["active", "paused"]) -> Watch:
        """Pause or resume a watch, and return it as it is now.

        Raises:
            NotFound: there is none of this id, or it is somebody else's.
        """
        return await self._change(owner, watch_id, lambda watch: watch.model_copy(update={"status": status}))

    async def delete(self, owner: str, watch_id: str) -> None:
        """Delete a watch.

        Raises:
            NotFound: there is none of this id, or it is somebody else's.
        """
        async with self._store.visit() as redis:
            deleted = await redis.hdel(self._key(owner), watch_id)
        if not deleted:
            raise _not_found()

    async def _change(self, owner: str, watch_id: str, change: Callable[[Watch], Watch]) -> Watch:
        """Compare and swap, so that of two changes at once none is lost."""
        key = self._key(owner)
        async with self._store.visit() as redis:
            while True:
                raw = await redis.hget(key, watch_id)
                if raw is None:
                    raise _not_found()
                changed = change(_found(raw))
                if await _replace(redis, key, watch_id, raw, changed.model_dump_json()):
                    return changed

    def _key(self, owner: str) -> str:
        return WATCHES.key(self._store.prefix, owner)


async def _replace(redis: Redis, key: str, watch_id: str, seen: bytes | str, new: str) -> bool:
    return bool(await _REPLACE.run(redis, [key], (watch_id, seen, new)))


def _parse(raw: bytes | str) -> Watch | None:
    try:
        return Watch.model_validate_json(raw)
    except ValidationError:
        _log.warning("a stored watch cannot be read and is passed over")
        return None


def _found(raw: bytes | str | None) -> Watch:
    if raw is None or (watch := _parse(raw)) is None:
        # One text for "unknown" and "not yours", or ids could be probed.
        raise _not_found()
    return watch


def _not_found() -> NotFound:
    return NotFound("You have no keyword watch of this id; the action `list` shows yours.", resource="watch")
