"""The scripts of the callers' quotas: whole numbers by the server's clock, one hash a caller, one round trip a call.

One token is 60,000,000 units, and a bucket of N tokens fills by N units a microsecond, so nothing is ever rounded.
"""

from reddit_mcp.storage.redis.lua_scripts import Script

CALENDAR = """
-- a month as the number of months since the year 0, from and to days since 1970:
-- http://howardhinnant.github.io/date_algorithms.html#civil_from_days and #days_from_civil
local function month_of(day)
  local z = day + 719468
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
"""

# KEYS: the caller's hash. ARGV: limits of minute, hour, day, month (0 = none), weight, `enforce`, `count` (take even
# what is not there) or `look` (take nothing), seconds to keep.
# Returns: the window that refuses (1..4) or 0; the time in microseconds; ids of hour, day and month; milliseconds until
# the bucket has this weight again; then for each window what is left (-1 = no limit) and milliseconds to its renewal.
# A clock that went back, as after a failover, fills nothing and takes nothing.
SPEND = Script(
    CALENDAR
    + """
local clock = redis.call('TIME')
local second, now = tonumber(clock[1]), clock[1] * 1000000 + clock[2]
local days = math.floor(second / 86400)
local months = month_of(days)
local ids = {math.floor(second / 3600), days, months}
local ends = {(ids[1] + 1) * 3600, (days + 1) * 86400, first_day(months + 1) * 86400}
local capacity, weight, unit = tonumber(ARGV[1]), tonumber(ARGV[5]), 60000000
local known = redis.call('HMGET', KEYS[1], 'units', 'at', 'id2', 'n2', 'id3', 'n3', 'id4', 'n4')
local full = capacity * unit
local units = full
if known[1] then units = math.min(full, known[1] + math.max(0, now - known[2]) * capacity) end
local refused, used = 0, {}
if capacity > 0 and units < weight * unit then refused = 1 end
for i = 1, 3 do
  used[i] = tonumber(known[1 + 2 * i]) == ids[i] and tonumber(known[2 + 2 * i]) or 0
  local limit = tonumber(ARGV[1 + i])
  if limit > 0 and used[i] >= limit then refused = i + 1 end
end
if ARGV[6] == 'count' or (ARGV[6] == 'enforce' and refused == 0) then
  for i = 1, 3 do used[i] = used[i] + 1 end
  redis.call('HSET', KEYS[1], 'id2', ids[1], 'n2', used[1], 'id3', ids[2], 'n3', used[2], 'id4', ids[3], 'n4', used[3])
  if capacity > 0 then
    units = math.max(0, units - weight * unit)
    redis.call('HSET', KEYS[1], 'units', string.format('%.0f', units), 'at', string.format('%.0f', now))
  end
  redis.call('EXPIRE', KEYS[1], ARGV[7])
end
local function milliseconds(wanted)
  return capacity > 0 and math.ceil(math.max(0, wanted - units) / capacity / 1000) or 0
end
local reply = {refused, now, ids[1], ids[2], ids[3], milliseconds(math.max(1, weight) * unit)}
reply[7], reply[8] = capacity > 0 and math.floor(units / unit) or -1, milliseconds(full)
for i = 1, 3 do
  local limit = tonumber(ARGV[1 + i])
  reply[#reply + 1] = limit > 0 and math.max(0, limit - used[i]) or -1
  reply[#reply + 1] = ends[i] * 1000 - math.floor(now / 1000)
end
return reply
"""
)

# KEYS: the caller's hash. ARGV: the minute's limit, weight, ids of hour, day and month when it was spent.
REFUND = Script("""
local known = redis.call('HMGET', KEYS[1], 'units', 'id2', 'n2', 'id3', 'n3', 'id4', 'n4')
if known[1] and ARGV[1] ~= '0' then
  local units = math.min(ARGV[1] * 60000000, known[1] + ARGV[2] * 60000000)
  redis.call('HSET', KEYS[1], 'units', string.format('%.0f', units))
end
for i = 1, 3 do
  if known[2 * i] == ARGV[2 + i] and tonumber(known[2 * i + 1]) > 0 then
    redis.call('HINCRBY', KEYS[1], 'n' .. (i + 1), -1)
  end
end
""")
