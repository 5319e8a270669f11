"""The jobs that wait for their time, for all replicas: one sorted set by due time, one by the end of leases.

A claimed job stays in the schedule under a lease. A worker that dies leaves a lease that ends, and the next claim takes
the job over. docs/adr/0009-watches.md compares this with job engines.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import JOB_BODIES, JOBS_DUE, JOBS_LEASED
from reddit_mcp.storage.redis.lua_scripts import Script

_TAG = "jobs"

# KEYS: due, leased, bodies. ARGV: ttl, due time, then id and body of each job. One that waits keeps the earlier time.
_PUT = Script("""
for i = 3, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], 'LT', ARGV[2], ARGV[i])
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
""")

# KEYS: due, leased, bodies. ARGV: now, lease in seconds, most, the claim's name, ttl. Leases end by the server's clock,
# jobs are due by the caller's. Some at the head of the line may wait for themselves to end, so more than `most` are
# looked at. Returns the claimed as id, body pairs, then the next due time ('' = none).
_CLAIM = Script("""
local time = redis.call('TIME')
local server = time[1] + time[2] / 1000000
local claimed, next_due = {}, ''
local function claim(id)
  redis.call('ZADD', KEYS[2], server + ARGV[2], id)
  redis.call('HSET', KEYS[3], 'owner ' .. id, ARGV[4])
  table.insert(claimed, id)
  table.insert(claimed, redis.call('HGET', KEYS[3], id) or '')
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], '-inf', server, 'BYSCORE', 'LIMIT', 0, ARGV[3])) do
  claim(id)
end
local due = redis.call('ZRANGE', KEYS[1], 0, ARGV[3] + 63, 'WITHSCORES')
for i = 1, #due, 2 do
  if tonumber(due[i + 1]) > tonumber(ARGV[1]) then
    next_due = due[i + 1]
    break
  end
  if #claimed < 2 * ARGV[3] and not redis.call('ZSCORE', KEYS[2], due[i]) then
    redis.call('ZREM', KEYS[1], due[i])
    claim(due[i])
  end
end
if #claimed > 0 then
  for i = 2, 3 do redis.call('EXPIRE', KEYS[i], ARGV[5]) end
end
table.insert(claimed, next_due)
return claimed
""")

# KEYS: due, leased, bodies. ARGV: job id, the claim's name. A job that was put again meanwhile keeps its body.
_DONE = Script("""
if redis.call('HGET', KEYS[3], 'owner ' .. ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], 'owner ' .. ARGV[1])
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then redis.call('HDEL', KEYS[3], ARGV[1]) end
return 1
""")

# KEYS: due, leased, bodies. ARGV: lease in seconds, the claim's name, job ids.
_RENEW = Script("""
local time = redis.call('TIME')
for i = 3, #ARGV do
  if redis.call('HGET', KEYS[3], 'owner ' .. ARGV[i]) == ARGV[2] then
    redis.call('ZADD', KEYS[2], time[1] + time[2] / 1000000 + ARGV[1], ARGV[i])
  end
end
""")


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do. `name` says what, `key` tells it from others of that name; `attempts` counts failures."""

    name: str
    key: str
    payload: dict[str, Any]
    attempts: int = 0

    @property
    def id(self) -> str:
        """Equal for equal jobs."""
        return json.dumps([self.name, self.key])


@dataclass(frozen=True, slots=True)
class Claimed:
    """The jobs that this process has to do now, and when the next one is due, as far as is known."""

    jobs: tuple[Job, ...]
    next_due: float | None


class JobSchedule:
    """Jobs by due time. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = [kind.key(store.prefix, _TAG) for kind in (JOBS_DUE, JOBS_LEASED, JOB_BODIES)]

    async def put(self, jobs: Iterable[Job], due: float) -> None:
        """Let these run at this time; equal jobs that wait are one, at the earliest of their times."""
        parts = [part for job in jobs for part in (job.id, json.dumps([job.payload, job.attempts]))]
        async with self._store.visit() as redis:
            await _PUT.run(redis, self._keys, (JOBS_DUE.ttl or 0, due, *parts))

    async def claim(self, owner: str, now: float, lease: float, most: int) -> Claimed:
        """Take jobs that are due, or whose lease has ended, for `lease` seconds; none that somebody holds."""
        async with self._store.visit() as redis:
            *pairs, next_due = await _CLAIM.run(redis, self._keys, (now, lease, most, owner, JOBS_DUE.ttl or 0))
        jobs = (_job(raw_id, body) for raw_id, body in zip(pairs[::2], pairs[1::2], strict=True))
        return Claimed(tuple(jobs), float(next_due) if next_due else None)

    async def renew(self, owner: str, lease: float, jobs: Sequence[Job]) -> None:
        """Hold these for `lease` seconds from now on."""
        async with self._store.visit() as redis:
            await _RENEW.run(redis, self._keys, (lease, owner, *(job.id for job in jobs)))

    async def done(self, owner: str, job: Job) -> None:
        """Forget a job that is held; if it was put again meanwhile, that stays."""
        async with self._store.visit() as redis:
            await _DONE.run(redis, self._keys, (job.id, owner))


def _job(raw_id: bytes, body: bytes) -> Job:
    name, key = json.loads(raw_id)
    payload, attempts = json.loads(body) if body else ({}, 0)
    return Job(name, key, payload, attempts)
