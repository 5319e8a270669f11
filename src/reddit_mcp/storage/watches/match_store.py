"""What watches have found: stored once, told once, kept 30 days, the newest first."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from redis.asyncio import Redis

from reddit_mcp.models import Match
from reddit_mcp.storage.redis.keyspace import CANDIDATES, MATCH_BODIES, UNDELIVERED, WATCH_MATCHES
from reddit_mcp.storage.redis.lua_scripts import Script

_log = logging.getLogger(__name__)

MOST_MATCHES = 1000
"""Of one watch; the oldest make room."""


@dataclass(frozen=True, slots=True)
class Page:
    """Matches, the newest first, and the cursor of the next page."""

    matches: tuple[Match, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class MatchKeys:
    """The keys of one watch's matches; they share its owner's hash tag, so that they meet in one script."""

    order: str
    bodies: str
    undelivered: str
    candidates: str

    @classmethod
    def of(cls, prefix: str, owner: str, watch_id: str) -> "MatchKeys":
        """The keys of this watch."""
        kinds = (WATCH_MATCHES, MATCH_BODIES, UNDELIVERED, CANDIDATES)
        return cls(*(f"{kind.key(prefix, owner)}:{watch_id}" for kind in kinds))

    def all(self) -> tuple[str, ...]:
        """In the order in which scripts take them."""
        return (self.order, self.bodies, self.undelivered, self.candidates)


# KEYS: watches, progress, then the match keys. ARGV: watch id, its progress, its candidates, the time before which
# matches are dropped, how many are kept, seconds they are kept, seconds candidates are kept, then id, time and body of
# each match. Returns the matches that nobody was told of yet, or nil where the watch is gone or paused.
STORE = Script("""
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record or cjson.decode(record).status ~= 'active' then return false end
local added = 0
for i = 8, #ARGV, 3 do
  if redis.call('HSETNX', KEYS[4], ARGV[i], ARGV[i + 2]) == 1 then
    redis.call('ZADD', KEYS[3], ARGV[i + 1], ARGV[i])
    redis.call('SADD', KEYS[5], ARGV[i])
    added = added + 1
  end
end
local function drop(ids)
  for _, id in ipairs(ids) do
    redis.call('ZREM', KEYS[3], id)
    redis.call('HDEL', KEYS[4], id)
    redis.call('SREM', KEYS[5], id)
  end
end
drop(redis.call('ZRANGE', KEYS[3], '-inf', '(' .. ARGV[4], 'BYSCORE'))
drop(redis.call('ZRANGE', KEYS[3], 0, -ARGV[5] - 1))
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
if added > 0 then
  redis.call('HINCRBY', KEYS[2], ARGV[1] .. ' matches', added)
  for i = 3, 5 do redis.call('EXPIRE', KEYS[i], ARGV[6]) end
end
redis.call('SET', KEYS[6], ARGV[3], 'EX', ARGV[7])
local waiting = redis.call('SMEMBERS', KEYS[5])
if #waiting == 0 then return waiting end
return redis.call('HMGET', KEYS[4], unpack(waiting))
""")


async def read_page(redis: Redis, keys: MatchKeys, after: str, limit: int) -> Page:
    """The matches that follow the one named `after`, or the newest; none where it is unknown."""
    start = 0
    if after:
        rank: Any = await redis.zrevrank(keys.order, after)
        if rank is None:
            return Page((), None)
        start = int(rank) + 1
    ids: list[Any] = await redis.zrevrange(keys.order, start, start + limit)
    bodies = await redis.hmget(keys.bodies, ids[:limit]) if ids else []
    found = matches(bodies)
    return Page(found, ids[limit - 1].decode() if len(ids) > limit else None)


def matches(bodies: Sequence[bytes | str | None]) -> tuple[Match, ...]:
    """Read what is there, without those that cannot be read any more."""
    return tuple(match for body in bodies if body and (match := _match(body)))


def _match(body: bytes | str) -> Match | None:
    try:
        return Match.model_validate_json(body)
    except ValidationError:
        _log.warning("a stored match cannot be read and is passed over")
        return None
