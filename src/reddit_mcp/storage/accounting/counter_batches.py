"""Counters in a hash that many processes add to, each in batches."""

from reddit_mcp.storage.redis.lua_scripts import Script

# KEYS: the hash. ARGV: who writes, the number of its batch, seconds to keep, then fields and how much.
# A batch that is sent again, because its answer was lost, counts once.
ADD_BATCH = Script("""
local writer = 'writer:' .. ARGV[1]
if tonumber(redis.call('HGET', KEYS[1], writer) or 0) >= tonumber(ARGV[2]) then return end
redis.call('HSET', KEYS[1], writer, ARGV[2])
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[3])
""")
