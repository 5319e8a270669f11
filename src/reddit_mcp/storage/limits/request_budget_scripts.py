"""The Lua of Reddit's budget. KEYS of all: the window, its state, the replicas. Times are microseconds.

window: sorted set, member = grant, score = when. state: hash, see `TAKE`. replicas: hash, process = what it last said.
Numbers never pass through Lua's `tostring`, which keeps 14 digits only.
"""

from reddit_mcp.storage.redis.lua_scripts import Script

# Additive increase: from nothing to the full rate in 300 s. The rate never goes under a tenth.
_PRELUDE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local state = {}
local flat = redis.call('HGETALL', KEYS[2])
for i = 1, #flat, 2 do state[flat[i]] = tonumber(flat[i + 1]) end
local function rate(full)
  if not state.base then return full end
  return math.min(full, math.max(1, math.floor(state.base + (now - state.eased) * full / 300000000)))
end
local function text(number) return string.format('%.0f', number) end
local function keep() redis.call('EXPIRE', KEYS[2], 3600) end
-- The server's clock may have been set back: nothing lies further ahead than it can.
local function cap(name, ahead) if (state[name] or 0) > now + ahead then state[name] = now + ahead end end
cap('blocked', 600000000) cap('left_until', 600000000) cap('settle', 1500000) cap('eased', 0)
for c = 1, 4 do cap('last' .. c, 0) end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], text(now + 1000000), '+inf')) do
  redis.call('ZADD', KEYS[1], text(now), member)
end
"""

# state: epoch (when the window began to be), base and eased (the rate after the last decrease, and when that was),
# left and left_until (Reddit's own remaining), blocked (until when), settle (until when replicas book their grants),
# tat (when the paced classes may go on; the "theoretical arrival time" of GCRA), last1..last4 (a class's last grant).
# replicas: 'seen n1 n2 n3 n4 since1 since2 since3 since4 places|callers'.
# ARGV: member, process, epoch, limit, span, places, 4 x waiting, 4 x waited, callers.
TAKE = Script(
    _PRELUDE
    + """
local member, process, epoch = ARGV[1], ARGV[2], ARGV[3]
local full, span, places = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if not state.epoch then
  if epoch ~= '' then return {'lost'} end
  state.epoch = now
  redis.call('HSET', KEYS[2], 'epoch', text(now))
  keep()
elseif epoch ~= '' and epoch ~= text(state.epoch) then return {'lost'} end

cap('tat', span)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - span))
local limit, used = rate(full), redis.call('ZCARD', KEYS[1])
local interval = span / limit
local hold = math.max(state.blocked or 0, state.settle or 0)
local spare = limit - used -- what the window would allow; free is what may go now
local free = spare
local limited = (state.left_until or 0) > now
local settling = (state.settle or 0) > now and (state.blocked or 0) <= now and spare > 0
if limited and state.left <= 0 then settling = false end
if hold > now then free = math.min(free, 0) end
if limited and state.left < free then free, hold = state.left, math.max(hold, state.left_until) end
local pace = math.max(0, (state.tat or 0) - now)

-- Who waits: here, and in the processes that were heard of within 3 s.
local n, since = {}, {}
for c = 1, 4 do n[c], since[c] = tonumber(ARGV[6 + c]), now - tonumber(ARGV[10 + c]) end
local everybody, others, raw, alive = {{n = n, since = since, places = places}}, {}, {}, 1
local entries = redis.call('HGETALL', KEYS[3])
for i = 1, #entries, 2 do
  local v = {}
  for part in string.gmatch(string.match(entries[i + 1], '^[^|]*'), '%S+') do v[#v + 1] = tonumber(part) end
  if #v < 10 or math.abs(now - v[1]) > 30000000 then redis.call('HDEL', KEYS[3], entries[i])
  elseif entries[i] ~= process then
    alive = alive + 1
    if now - v[1] < 3000000 then
      local other = {n = {v[2], v[3], v[4], v[5]}, since = {v[6], v[7], v[8], v[9]}, places = v[10]}
      everybody[#everybody + 1], others[#others + 1], raw[#raw + 1] = other, other, entries[i + 1]
    end
  end
end

-- Ageing: a class that has waited ten intervals without a token goes before all others.
local order, rest = {}, {}
for c = 1, 4 do
  local oldest = now
  for _, one in ipairs(everybody) do
    if one.n[c] > 0 then oldest = math.min(oldest, one.since[c]) end
  end
  local starving = now - math.max(oldest, state['last' .. c] or 0) > 10 * interval and (c <= 2 or pace == 0)
  local list = starving and order or rest
  list[#list + 1] = c
end
for _, c in ipairs(rest) do order[#order + 1] = c end

-- The first class in order that has somebody here, and a token left after those who go before it elsewhere.
local granted, wait, before = nil, math.max(span, hold - now), {}
for _, c in ipairs(order) do
  if n[c] > 0 and places > 0 and not granted then
    local ahead = 0
    for _, one in ipairs(everybody) do
      local better = 0
      for _, b in ipairs(before) do better = better + one.n[b] end
      ahead = ahead + math.min(one.places, better)
    end
    if free > ahead and (c <= 2 or pace == 0) then granted = c
    else
      local soonest, missing = 0, ahead + 1 - spare
      if missing > 0 then
        local score = redis.call('ZRANGE', KEYS[1], missing - 1, missing - 1, 'WITHSCORES')[2]
        soonest = score and (score + span - now) or 0
      end
      if free <= ahead then soonest = math.max(soonest, hold - now) end
      if c > 2 then soonest = math.max(soonest, pace) end
      wait = math.min(wait, soonest)
    end
  end
  before[#before + 1] = c
end

if granted then
  redis.call('ZADD', KEYS[1], text(now), member)
  redis.call('PEXPIRE', KEYS[1], text(span / 1000 + 1000))
  -- Every token moves the paced classes on, so that they fill up what the others leave and no more. A quarter of a
  -- second is forgiven, or each late awakening would be lost for good.
  local tat = math.max(state.tat or 0, now - 250000) + interval
  redis.call('HSET', KEYS[2], 'tat', text(tat), 'last' .. granted, text(now))
  if (state.left_until or 0) > now then redis.call('HINCRBY', KEYS[2], 'left', -1) end
  keep()
  n[granted], places, free = n[granted] - 1, places - 1, free - 1
end
local said = {text(now)}
for c = 1, 4 do said[1 + c], said[5 + c] = ARGV[6 + c], text(since[c]) end
if granted then said[1 + granted] = text(n[granted]) end
said[10] = text(places)
redis.call('HSET', KEYS[3], process, table.concat(said, ' ') .. '|' .. ARGV[15])
redis.call('EXPIRE', KEYS[3], 60)
if granted then return {text(granted - 1), text(state.epoch), free, alive} end

local returns = {}
local scores = redis.call('ZRANGE', KEYS[1], 0, 1499, 'WITHSCORES') -- more than may wait
for i = 2, #scores, 2 do returns[#returns + 1] = scores[i] + span - now end
hold = math.max(0, hold - now)
return {'none', text(state.epoch), free, alive, spare, wait, interval, pace, hold, returns, raw, settling and 1 or 0}
"""
)

# ARGV: span, then member and age of each grant. While the replicas book what they granted on their own, nobody gets a
# token here, and each goes on with its share; one such pause in 10 s. Returns the epoch.
REJOIN = Script(
    _PRELUDE
    + """
local span, booked = tonumber(ARGV[1]), 0
for i = 2, #ARGV, 2 do
  local age = tonumber(ARGV[i + 1])
  if age < span then booked = booked + redis.call('ZADD', KEYS[1], 'GT', text(now - age), ARGV[i]) end
end
redis.call('PEXPIRE', KEYS[1], text(span / 1000 + 1000))
if booked > 0 and now - (state.settle or 0) > 10000000 then
  redis.call('HSET', KEYS[2], 'settle', text(now + 1500000))
end
if not state.epoch then
  state.epoch = now
  redis.call('HSET', KEYS[2], 'epoch', text(now))
end
keep()
return text(state.epoch)
"""
)

# ARGV: member, limit, span, late, reset, block, remaining or -1, ease, unused.
# Reddit's remaining does not know of the requests granted after the one that it answers, so they are taken off; and it
# only ever lowers what is left until Reddit's window ends (its end wobbles by the rounding to seconds).
REPORT = Script(
    _PRELUDE
    + """
local member, full, span = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local late, reset, block = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local remaining, ease = tonumber(ARGV[7]), tonumber(ARGV[8])
local score = redis.call('ZSCORE', KEYS[1], member)
if remaining >= 0 and reset > 0 then
  local left, ends = remaining, now + reset
  if score then left = math.max(0, left - redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf')) end
  local known = state.left_until or 0
  if known > now and math.abs(known - ends) < 2000000 then
    left, ends = math.min(left, state.left), math.max(ends, known)
  end
  redis.call('HSET', KEYS[2], 'left', text(left), 'left_until', text(ends))
end
if block > 0 then redis.call('HSET', KEYS[2], 'blocked', text(math.max(state.blocked or 0, now + block))) end
if ease < 1 and now - (state.eased or 0) > 10000000 then
  redis.call('HSET', KEYS[2], 'base', text(math.max(full / 10, rate(full) * ease)), 'eased', text(now))
end
if score and ARGV[9] == '1' then redis.call('ZREM', KEYS[1], member)
elseif score and late > 0 then
  redis.call('ZADD', KEYS[1], 'XX', text(score + late), member)
  redis.call('PEXPIRE', KEYS[1], text(span / 1000 + 1000 + late / 1000))
end
keep()
return 1
"""
)
