"""Callers' quotas: a token bucket for the minute and counters for hour, day and month, exact over all replicas.

All by the server's clock, in one round trip; a refused call spends nothing anywhere.
"""

from dataclasses import dataclass
from typing import Any

from reddit_mcp.storage.connection import Store
from reddit_mcp.storage.keyspace import QUOTAS
from reddit_mcp.storage.scripts import Script
from reddit_mcp.tiers import WINDOWS, Tier

# One token is 60,000,000 units and a bucket of N tokens fills by N units a microsecond: whole numbers, never rounded.
_COMMON = """
local clock = redis.call('TIME')
local second, now = tonumber(clock[1]), clock[1] * 1000000 + clock[2]
local days = math.floor(second / 86400)
-- the civil month of a day count: http://howardhinnant.github.io/date_algorithms.html#civil_from_days
local function civil(z)
  z = z + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local mp = math.floor((5 * (doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))) + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  return (yoe + era * 400 + (month <= 2 and 1 or 0)) * 12 + month - 1
end
local function first_day(months)
  local year, month = math.floor(months / 12), months % 12 + 1
  local y = month <= 2 and year - 1 or year
  local era = math.floor(y / 400)
  local yoe = y - era * 400
  local doy = math.floor((153 * (month > 2 and month - 3 or month + 9) + 2) / 5)
  return era * 146097 + yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + doy - 719468
end
local months = civil(days)
local ids = {math.floor(second / 3600), days, months}
local ends = {(ids[1] + 1) * 3600, (days + 1) * 86400, first_day(months + 1) * 86400}
local unit = 60000000
"""

# KEYS: the caller's hash. ARGV: limits of minute, hour, day, month (0 = none), weight, 1 to enforce, seconds to keep.
# Returns: allowed, the window (1..4) that refuses or 0, then for each window left and milliseconds to its reset, and
# the ids of hour, day and month.
_SPEND = Script(
    _COMMON
    + """
local known = redis.call('HMGET', KEYS[1], 'units', 'at', 'id2', 'n2', 'id3', 'n3', 'id4', 'n4')
local capacity, weight = tonumber(ARGV[1]), tonumber(ARGV[5])
local full = capacity * unit
local units = full
if known[1] then units = math.min(full, known[1] + (now - known[2]) * capacity) end
local refused, used = 0, {}
if capacity > 0 and units < weight * unit then refused = 1 end
for i = 1, 3 do
  used[i] = tonumber(known[1 + 2 * i]) == ids[i] and tonumber(known[2 + 2 * i]) or 0
  local limit = tonumber(ARGV[1 + i])
  if limit > 0 and used[i] >= limit then refused = i + 1 end
end
if refused == 0 or ARGV[6] == '0' then
  if capacity > 0 then units = math.max(0, units - weight * unit) end
  for i = 1, 3 do used[i] = used[i] + 1 end
  redis.call('HSET', KEYS[1], 'units', string.format('%.0f', units), 'at', string.format('%.0f', now),
    'id2', ids[1], 'n2', used[1], 'id3', ids[2], 'n3', used[2], 'id4', ids[3], 'n4', used[3])
  redis.call('EXPIRE', KEYS[1], ARGV[7])
end
local left, reset = -1, 0
if capacity > 0 then
  left = math.floor(units / unit)
  local wanted = refused == 1 and weight * unit or full
  reset = math.ceil(math.max(0, wanted - units) / capacity / 1000)
end
local reply = {refused == 0 and 1 or 0, refused, left, reset}
for i = 1, 3 do
  local limit = tonumber(ARGV[1 + i])
  reply[#reply + 1] = limit > 0 and math.max(0, limit - used[i]) or -1
  reply[#reply + 1] = ends[i] * 1000 - math.floor(now / 1000)
end
for i = 1, 3 do reply[#reply + 1] = ids[i] end
return reply
"""
)

# KEYS: the caller's hash. ARGV: the minute's limit, weight, ids of hour, day and month when it was spent.
_REFUND = Script("""
local known = redis.call('HMGET', KEYS[1], 'units', 'id2', 'n2', 'id3', 'n3', 'id4', 'n4')
if not known[1] then return 0 end
local full = ARGV[1] * 60000000
redis.call('HSET', KEYS[1], 'units', string.format('%.0f', math.min(full, known[1] + ARGV[2] * 60000000)))
for i = 1, 3 do
  if known[2 * i] == ARGV[2 + i] and tonumber(known[2 * i + 1]) > 0 then
    redis.call('HINCRBY', KEYS[1], 'n' .. (i + 1), -1)
  end
end
return 1
""")


@dataclass(frozen=True, slots=True)
class Left:
    """One window after a call: its limit, calls left, and seconds until it is renewed (the bucket: full again)."""

    window: str
    limit: int
    left: int
    reset: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What one call took, for its refund; `refused` is the window that had nothing left."""

    caller: str
    tier: Tier
    weight: int
    windows: tuple[Left, ...] = ()
    refused: Left | None = None
    ids: tuple[int, ...] = ()

    @property
    def nearest(self) -> Left | None:
        """The window nearest to exhaustion."""
        return min(self.windows, key=lambda window: window.left, default=None)


class Quotas:
    """The quotas of all callers. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def spend(self, caller: str, tier: Tier, weight: int, *, enforce: bool = True) -> Spent:
        """Take one call of this weight from every window, or from none when one refuses."""
        limits = [getattr(tier, window) or 0 for window in WINDOWS]
        async with self._store.visit() as redis:
            arguments = [*limits, weight, int(enforce), QUOTAS.ttl or 0]
            reply = await _SPEND.run(redis, [self._key(caller)], arguments)
        return _spent(caller, tier, weight, limits, [int(part) for part in reply])

    async def refund(self, spent: Spent) -> None:
        """Give back what a call took, in the windows that are still the same."""
        async with self._store.visit() as redis:
            arguments = [spent.tier.minute or 0, spent.weight, *spent.ids]
            await _REFUND.run(redis, [self._key(spent.caller)], arguments)

    def _key(self, caller: str) -> str:
        return QUOTAS.key(self._store.prefix, caller)


def _spent(caller: str, tier: Tier, weight: int, limits: list[int], reply: list[Any]) -> Spent:
    every = [
        Left(window, limit, reply[2 + 2 * number], reply[3 + 2 * number] / 1000)
        for number, (window, limit) in enumerate(zip(WINDOWS, limits, strict=True))
    ]
    refused = None if reply[0] else every[reply[1] - 1]
    windows = tuple(window for window in every if window.limit)
    return Spent(caller, tier, weight, windows, refused, tuple(reply[10:13]))
