"""The watches of each owner, as one Redis hash of JSON values: an owner never sees another's.

What the owner wants stands in one hash and how far the checks are in another, so that neither overwrites the other.
When each active watch is due stands in one sorted set for all. It is written before the watch and removed after it: a
time without a watch is cleared away, a watch without a time would never be checked.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

from pydantic import ValidationError
from redis.asyncio import Redis

from reddit_mcp.errors import Forbidden, NotFound
from reddit_mcp.models import Gap, Value, Watch
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import WATCH_CHECKS, WATCH_PROGRESS, WATCHES
from reddit_mcp.storage.redis.lua_scripts import Script
from reddit_mcp.storage.watches.match_store import MatchKeys, Page, read_page

_log = logging.getLogger(__name__)

# KEYS: the owner's hash. ARGV: watch id, JSON, limit. 1 = stored, 0 = the owner has as many as allowed.
_CREATE = Script("""
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
""")

# KEYS: the owner's hash, its progress, the watch's match keys. ARGV: watch id. 0 = there is none.
_DELETE = Script("""
redis.call('HDEL', KEYS[2], ARGV[1], ARGV[1] .. ' matches')
redis.call('DEL', unpack(KEYS, 3))
return redis.call('HDEL', KEYS[1], ARGV[1])
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


CHECKS_TAG = "all"

Raw = bytes | str | None
"""What Redis gives."""


class Progress(Value):
    """How far the checks of a watch are; `seen_to` is the time up to which it has seen all posts.

    `unreadable` are the communities that Reddit did not show, and the time up to which their posts were seen.
    """

    seen_to: float | None = None
    last_checked_utc: int | None = None
    next_check_utc: int | None = None
    gap: Gap | None = None
    unreadable: Mapping[str, float] = {}

    @classmethod
    def read(cls, raw: Raw) -> "Progress":
        """The stored progress; that of a new watch where there is none, or none that can be read."""
        try:
            return cls.model_validate_json(raw) if raw else cls()
        except ValidationError:
            return cls()


def member(owner: str, watch_id: str) -> str:
    """A watch's name among all watches."""
    return f"{watch_id} {owner}"


def owner_and_id(name: bytes) -> tuple[str, str]:
    """The owner and the watch id in such a name."""
    watch_id, _, owner = name.decode().partition(" ")
    return owner, watch_id


class WatchStore:
    """Keyword watches. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, watch: Watch, *, limit: int) -> None:
        """Store a new watch, unless its owner has `limit` already.

        Raises:
            Forbidden: the owner has as many as allowed.
        """
        name, due = member(watch.owner, watch.watch_id), watch.next_check_utc or watch.created_utc
        async with self._store.visit() as redis:
            arguments = (watch.watch_id, watch.model_dump_json(), limit)
            await redis.zadd(self._checks, {name: due})
            stored = await _CREATE.run(redis, [self._key(watch.owner)], arguments)
            if not stored:
                await redis.zrem(self._checks, name)
        if not stored:
            raise Forbidden(_too_many(limit), resource="watch")

    async def get(self, owner: str, watch_id: str) -> Watch:
        """Read one watch.

        Raises:
            NotFound: there is none of this id, or it is somebody else's.
        """
        async with self._store.visit() as redis:
            raw = await redis.hget(self._key(owner), watch_id)
            progress = await redis.hmget(self._progress(owner), [watch_id, f"{watch_id} matches"])
        return _found(raw, *progress)

    async def list(self, owner: str) -> tuple[Watch, ...]:
        """Read all watches of an owner, the oldest first."""
        async with self._store.visit() as redis:
            values: Mapping[Any, bytes | str] = await redis.hgetall(self._key(owner))
            progress: Mapping[Any, bytes | str] = await redis.hgetall(self._progress(owner))
        each = ((raw, progress.get(name), progress.get(name + b" matches")) for name, raw in values.items())
        watches = (watch for found in each if (watch := read_watch(*found)))
        return tuple(sorted(watches, key=lambda watch: (watch.created_utc, watch.watch_id)))

    async def set_status(
        self, owner: str, watch_id: str, status: Literal["active", "paused"], reason: str | None = None
    ) -> Watch:
        """Pause or resume a watch, and return it as it is now. A resumed one starts like a new one, at once.

        `reason` says why the server itself pauses it.

        Raises:
            NotFound: there is none of this id, or it is somebody else's.
        """
        name = member(owner, watch_id)
        if status == "active":
            known = await self.get(owner, watch_id)
            if known.status == "active":
                return known
            async with self._store.visit() as redis:
                await redis.hdel(self._progress(owner), watch_id)
                await redis.zadd(self._checks, {name: 0})
        change = {"status": status, "pause_reason": reason}
        changed = await self._change(owner, watch_id, lambda watch: watch.model_copy(update=change))
        async with self._store.visit() as redis:
            if status == "paused":
                await redis.zrem(self._checks, name)
            else:  # once more, for a poll that still saw it paused may have removed its time
                await redis.zadd(self._checks, {name: 0})
        return changed

    async def fit(self, owner: str, limit: int, shortest: int) -> None:
        """Bring an owner's watches into a tier that may have become smaller.

        Intervals below `shortest` minutes become as long; of more active watches than `limit` the newest pause, and
        say why.
        """
        active = [watch for watch in await self.list(owner) if watch.status == "active"]
        for watch in active[limit:]:
            with suppress(NotFound):  # deleted since
                await self.set_status(owner, watch.watch_id, "paused", _beyond(limit))
        for watch in active[:limit]:
            if watch.check_interval < shortest:
                with suppress(NotFound):
                    slower = {"check_interval": shortest}
                    await self._change(owner, watch.watch_id, lambda watch: watch.model_copy(update=slower))  # noqa: B023

    async def resume(self, owner: str, watch_id: str, limit: int) -> Watch:
        """Resume a watch, unless `limit` others of its owner are active.

        Raises:
            NotFound: there is none of this id, or it is somebody else's.
            Forbidden: as many as allowed are active.
        """
        others = [watch for watch in await self.list(owner) if watch.status == "active" and watch.watch_id != watch_id]
        if len(others) >= limit:
            await self.get(owner, watch_id)
            raise Forbidden(_beyond(limit), resource="watch")
        return await self.set_status(owner, watch_id, "active")

    async def matches(self, owner: str, watch_id: str, after: str = "", limit: int = 25) -> Page:
        """Read what a watch has found, the newest first, from behind the match named `after`."""
        async with self._store.visit() as redis:
            return await read_page(redis, MatchKeys.of(self._store.prefix, owner, watch_id), after, limit)

    async def delete(self, owner: str, watch_id: str) -> None:
        """Delete a watch and all that it found.

        Raises:
            NotFound: there is none of this id, or it is somebody else's.
        """
        async with self._store.visit() as redis:
            own = MatchKeys.of(self._store.prefix, owner, watch_id)
            keys = [self._key(owner), self._progress(owner), *own.all()]
            deleted = await _DELETE.run(redis, keys, (watch_id,))
            await redis.zrem(self._checks, member(owner, watch_id))
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
                    break
            progress = await redis.hmget(self._progress(owner), [watch_id, f"{watch_id} matches"])
        return _found(changed.model_dump_json(), *progress)

    @property
    def _checks(self) -> str:
        return WATCH_CHECKS.key(self._store.prefix, CHECKS_TAG)

    def _progress(self, owner: str) -> str:
        return WATCH_PROGRESS.key(self._store.prefix, owner)

    def _key(self, owner: str) -> str:
        return WATCHES.key(self._store.prefix, owner)


async def _replace(redis: Redis, key: str, watch_id: str, seen: bytes | str, new: str) -> bool:
    return bool(await _REPLACE.run(redis, [key], (watch_id, seen, new)))


def read_watch(raw: bytes | str, progress: Raw = None, matches: Raw = None) -> Watch | None:
    """The watch with what its checks have come to; None where what is stored cannot be read."""
    try:
        watch = Watch.model_validate_json(raw)
    except ValidationError:
        _log.warning("a stored watch cannot be read and is passed over")
        return None
    known: dict[str, Any] = {}
    if progress:
        step = Progress.read(progress)
        known = {name: getattr(step, name) for name in ("last_checked_utc", "next_check_utc", "gap")}
        known["unreadable"] = tuple(sorted(step.unreadable))
    if watch.status == "paused":
        known["next_check_utc"] = None
    return watch.model_copy(update=known | ({"matches": int(matches)} if matches else {}))


def _found(raw: Raw, progress: Raw = None, matches: Raw = None) -> Watch:
    if raw is None or (watch := read_watch(raw, progress, matches)) is None:
        # One text for "unknown" and "not yours", or ids could be probed.
        raise _not_found()
    return watch


def _not_found() -> NotFound:
    return NotFound("You have no keyword watch of this id; the action `list` shows yours.", resource="watch")


def _beyond(limit: int) -> str:
    return f"Your plan allows {limit} active keyword watches; delete or pause another one first, or upgrade."


def _too_many(limit: int) -> str:
    if limit == 0:
        return "Your plan allows no keyword watches; upgrade to create one."
    if limit == 1:
        return "Your plan allows one keyword watch and you have it; delete it first, or upgrade."
    return f"Your plan allows {limit} keyword watches and you have as many; delete one first, or upgrade."
