"""Who asks Reddit a question on behalf of all replicas: a lease per question, with word of how the asking goes."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from reddit_mcp.errors import Failure, Internal
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import FLIGHTS
from reddit_mcp.storage.redis.lua_scripts import Script

LEASE_SECONDS = 3.0
"""How long the others wait for an owner that has died."""

_FAILURE_SECONDS = FLIGHTS.ttl or 0
"""How long a failure is left for those who waited for it; longer than any pause between their looks."""

_BRANCHES: Mapping[str, type[Failure]] = {branch.type: branch for branch in Failure.__subclasses__()}

# KEYS: the flight. ARGV: own name, lease in ms, the owner waited for, own priority, own callers. Returns owner, ticket,
# failure. A failure is for those who waited for this very owner; to anybody else the flight is free again. The owner
# hears of a better priority and of more callers when it renews its lease.
_TAKE = Script("""
local known = redis.call('HMGET', KEYS[1], 'owner', 'ticket', 'failure', 'priority')
if known[1] and (not known[3] or known[1] == ARGV[3]) then
  if not known[4] or tonumber(ARGV[4]) < tonumber(known[4]) then redis.call('HSET', KEYS[1], 'priority', ARGV[4]) end
  for i = 5, #ARGV do redis.call('HSET', KEYS[1], 'caller:' .. ARGV[i], '') end
  return known
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {ARGV[1], false, false}
""")

# KEYS: the flight. ARGV: own name, lease in ms, field, its value ('' leaves it). Returns the flight, if it is ours.
_RENEW = Script("""
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return {} end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], ARGV[3], ARGV[4]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('HGETALL', KEYS[1])
""")

# KEYS: the flight. ARGV: own name.
_LAND = Script("""
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
""")


@dataclass(frozen=True, slots=True)
class Seen:
    """A flight as it stands: whose it is, its ticket as JSON, the failure it ended with."""

    owner: str
    ticket: str
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What other replicas say of a flight that they wait for: their best priority (None: nobody) and their callers."""

    priority: int | None
    callers: frozenset[str]


class FlightLeases:
    """The flights of all replicas to one upstream. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store, upstream: str) -> None:
        self._store = store
        self._upstream = upstream

    async def take(
        self, question: str, name: str, awaited: str = "", *, priority: int = 0, callers: Collection[str] = ()
    ) -> Seen:
        """Become the owner of a question's flight unless there is one.

        Args:
            question: the question's key.
            name: who asks.
            awaited: the owner waited for so far.
            priority: how urgent it is here; the owner hears of it.
            callers: who waits for it here; the owner hears of them.
        """
        arguments: list[str | float] = [name, _milliseconds(LEASE_SECONDS), awaited, int(priority), *callers]
        async with self._store.visit() as redis:
            owner, ticket, failure, *_ = await _TAKE.run(redis, [self._key(question)], arguments)
        return Seen(owner.decode(), (ticket or b"").decode(), _revived(failure) if failure else None)

    async def renew(self, question: str, name: str, ticket: str = "") -> Wanted:
        """Keep the lease, say what ticket the work has in the queue, and hear who waits for it elsewhere."""
        return _wanted(await self._write(question, name, LEASE_SECONDS, "ticket", ticket))

    async def fail(self, question: str, name: str, failure: Failure) -> None:
        """End the flight with a failure, which those who wait for it share."""
        words = json.dumps([failure.type, str(failure), failure.data], default=str)
        await self._write(question, name, _FAILURE_SECONDS, "failure", words)

    async def land(self, question: str, name: str) -> None:
        """End the flight; those who wait find the answer among the entries, or ask on their own."""
        async with self._store.visit() as redis:
            await _LAND.run(redis, [self._key(question)], (name,))

    async def _write(self, question: str, name: str, seconds: float, field: str, value: str) -> Sequence[bytes]:
        async with self._store.visit() as redis:
            arguments = (name, _milliseconds(seconds), field, value)
            pairs: Sequence[bytes] = await _RENEW.run(redis, [self._key(question)], arguments)
            return pairs

    def _key(self, question: str) -> str:
        return FLIGHTS.key(self._store.prefix, f"{self._upstream} {question}")


def _wanted(pairs: Sequence[bytes]) -> Wanted:
    fields = {name.decode(): value.decode() for name, value in zip(pairs[::2], pairs[1::2], strict=True)}
    callers = frozenset(name.removeprefix("caller:") for name in fields if name.startswith("caller:"))
    return Wanted(int(fields["priority"]) if "priority" in fields else None, callers)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _revived(words: bytes) -> Failure:
    """The failure of another replica; one that cannot be read is still a failure."""
    try:
        kind, message, data = json.loads(words)
        return _BRANCHES[kind](message, **data)
    except (ValueError, KeyError, TypeError):
        return Internal("Another replica failed to answer.")
