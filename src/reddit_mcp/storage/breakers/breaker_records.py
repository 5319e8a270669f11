"""What replicas tell one another of circuit breakers: open or closed, who may probe, counts, the latest errors.

A breaker's keys share a hash tag. All times are the server's clock. The epoch is the time of the last change of state
in milliseconds; it grows with every change, so that a replica knows whether it has heard of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from reddit_mcp.storage.breakers.breaker_report import Incident, Report, State, Tally, report
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import BREAKER, BREAKER_ERRORS, BREAKER_NAMES, BREAKER_PROBES
from reddit_mcp.storage.redis.lua_scripts import Script

MOST_ERRORS = 100

# KEYS: the state, the probes that are out, the latest errors.
_PRELUDE = f"""
local state, probes, errors = KEYS[1], KEYS[2], KEYS[3]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function number(field)
  return tonumber(redis.call('HGET', state, field) or 0) or 0
end
local function keep()
  redis.call('HSETNX', state, 'born', now)
  redis.call('EXPIRE', state, {BREAKER.ttl})
end
local function become(open, wait, retry_at)
  local epoch = math.max(now, number('epoch') + 1)
  redis.call('HSET', state, 'epoch', epoch, 'open', open, 'wait', wait, 'retry_at', retry_at, 'successes', 0)
  redis.call('DEL', probes)
  keep()
end
local function word(granted)
  return {{number('epoch'), number('open'), number('retry_at') - now, number('wait'), number('successes'), granted}}
end
"""

# ARGV: the wait that a failed probe doubles, and what is left of it.
_TRIP = Script(
    _PRELUDE
    + """
if number('open') == 0 then become(1, ARGV[1], now + ARGV[2]) end
return word(0)
"""
)

# ARGV: the epoch that was closed.
_CLOSE = Script(
    _PRELUDE
    + """
if number('open') == 1 and number('epoch') == tonumber(ARGV[1]) then become(0, 0, 0) end
return word(0)
"""
)

# ARGV: the probe's id, how long it may take at most, how many there may be.
_CLAIM = Script(
    _PRELUDE
    + """
if number('open') == 0 or number('retry_at') > now then return word(0) end
redis.call('ZREMRANGEBYSCORE', probes, '-inf', now)
if redis.call('ZCARD', probes) + number('successes') >= tonumber(ARGV[3]) then return word(0) end
redis.call('ZADD', probes, now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', probes, ARGV[2])
return word(1)
"""
)

# ARGV: the probe's id, its epoch, its outcome (1, 0 or -1), successes that close, the longest wait, its duration.
# The new wait counts from the probe's start: one that hung must not lengthen the outage.
_VERDICT = Script(
    _PRELUDE
    + """
redis.call('ZREM', probes, ARGV[1])
if number('open') == 1 and number('epoch') == tonumber(ARGV[2]) then
  if ARGV[3] == '1' then
    if redis.call('HINCRBY', state, 'successes', 1) >= tonumber(ARGV[4]) then become(0, 0, 0) end
  elseif ARGV[3] == '-1' then
    local wait = math.min(number('wait') * 2, tonumber(ARGV[5]))
    become(1, wait, now - ARGV[6] + wait)
  end
end
return word(0)
"""
)

# ARGV: answered, failed, slow, milliseconds, then new errors, the oldest first.
_EXCHANGE = Script(
    _PRELUDE
    + f"""
keep()
for index, field in ipairs({{'answered', 'failed', 'slow', 'milliseconds'}}) do
  redis.call('HINCRBY', state, field, ARGV[index])
end
for index = 5, #ARGV do
  redis.call('LPUSH', errors, ARGV[index])
  redis.call('LTRIM', errors, 0, {MOST_ERRORS - 1})
  redis.call('EXPIRE', errors, {BREAKER_ERRORS.ttl})
end
return word(0)
"""
)

_RESET = Script(
    _PRELUDE
    + """
become(0, 0, 0)
redis.call('HDEL', state, 'answered', 'failed', 'slow', 'milliseconds')
return word(0)
"""
)

_READ = Script(_PRELUDE + "return {now, redis.call('HGETALL', state), redis.call('LRANGE', errors, 0, -1)}")

# KEYS: the sorted set of names by when they were last heard of. ARGV: a name.
_LIST = Script(f"""
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {BREAKER_NAMES.ttl})
redis.call('EXPIRE', KEYS[1], {BREAKER_NAMES.ttl})
return 0
""")


@dataclass(frozen=True, slots=True)
class BreakerNotice:
    """What all replicas agree on; `retry_in` and `wait` are in seconds."""

    epoch: int
    open: bool
    retry_in: float
    wait: float
    successes: int
    granted: bool = False


class BreakerRecords:
    """The shared state of all breakers. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def trip(self, name: str, wait: float, left: float) -> BreakerNotice:
        """Open the breaker, unless it is open; `left` seconds of `wait` remain before the first probe."""
        return await self._say(_TRIP, name, _ms(wait), _ms(left))

    async def close(self, name: str, epoch: int) -> BreakerNotice:
        """Close the breaker, if nothing else has happened to it since `epoch`."""
        return await self._say(_CLOSE, name, epoch)

    async def claim(self, name: str, probe: str, lease: float, places: int) -> BreakerNotice:
        """Ask for a probe's place; it is free again after `lease` seconds if its holder dies."""
        return await self._say(_CLAIM, name, probe, _ms(lease), places)

    async def verdict(
        self, name: str, probe: str, epoch: int, outcome: int, needed: int, longest_wait: float, seconds: float
    ) -> BreakerNotice:
        """Report a probe of `seconds`: 1 = the upstream answered, 0 = nothing learnt, -1 = it failed."""
        arguments = (epoch, int(outcome), needed, _ms(longest_wait), _ms(seconds))  # redis-py would send an enum's repr
        return await self._say(_VERDICT, name, probe, *arguments)

    async def exchange(self, name: str, tally: Tally, errors: Sequence[Incident]) -> BreakerNotice:
        """Add what happened here since the last time."""
        counts = (tally.answered, tally.failed, tally.slow, round(tally.milliseconds))
        word = await self._say(_EXCHANGE, name, *counts, *(error.model_dump_json() for error in errors))
        async with self._store.visit() as redis:
            await _LIST.run(redis, [self._names], [name])
        return word

    async def reset(self, name: str) -> BreakerNotice:
        """Close the breaker and forget its counts; the latest errors stay readable."""
        return await self._say(_RESET, name)

    async def names(self) -> tuple[str, ...]:
        """Every breaker that any replica used lately."""
        async with self._store.visit() as redis:
            found: Any = await redis.zrange(self._names, 0, -1)
        return tuple(sorted(name.decode() for name in found))

    async def report(self, name: str) -> Report:
        """Read a breaker's state as all replicas know it."""
        async with self._store.visit() as redis:
            now, flat, errors = await _READ.run(redis, self._keys(name), ())
        fields = {key.decode(): _number(value) for key, value in zip(flat[::2], flat[1::2], strict=True)}
        incidents = tuple(incident for raw in errors if (incident := _incident(raw)))
        tally = Tally(*(fields.get(field, 0) for field in ("answered", "failed", "slow", "milliseconds")))
        return report(name, *_since(fields, now), tally, incidents)

    async def _say(self, script: Script, name: str, *arguments: str | float) -> BreakerNotice:
        async with self._store.visit() as redis:
            epoch, is_open, left, wait, successes, granted = await script.run(redis, self._keys(name), arguments)
        return BreakerNotice(epoch, bool(is_open), left / 1000, wait / 1000, successes, bool(granted))

    def _keys(self, name: str) -> list[str]:
        return [kind.key(self._store.prefix, name) for kind in (BREAKER, BREAKER_PROBES, BREAKER_ERRORS)]

    @property
    def _names(self) -> str:
        return BREAKER_NAMES.key(self._store.prefix, "all")


def _since(fields: dict[str, int], now: int) -> tuple[State, float]:
    """The state, and its age in seconds."""
    changed = fields.get("epoch") or fields.get("born", now)
    if not fields.get("open"):
        return "closed", (now - changed) / 1000
    left = fields.get("retry_at", 0) - now
    return ("open", (now - changed) / 1000) if left > 0 else ("half_open", -left / 1000)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _number(raw: bytes) -> int:
    return int(raw) if raw.lstrip(b"-").isdigit() else 0


def _incident(raw: Any) -> Incident | None:
    try:
        return Incident.model_validate_json(raw)
    except ValidationError:
        return None
