"""The records of API keys in Redis: two hashes that change together, and one for when keys were used."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.api_keys.api_key import ApiKey
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import API_KEYS, KEY_DIGESTS, KEY_USES
from reddit_mcp.storage.redis.lua_scripts import Script

_TAG = "all"

_log = logger(__name__)

# KEYS: the records, the digests. ARGV: how many peppers there are, then each key's digests under all of them.
# For each key: the record, or nil.
_FIND = Script("""
local found = {}
for i = 2, #ARGV, ARGV[1] do
  local id
  for j = i, i + ARGV[1] - 1 do id = id or redis.call('HGET', KEYS[2], ARGV[j]) end
  found[#found + 1] = id and redis.call('HGET', KEYS[1], id)
end
return found
""")

# KEYS: the records, the digests. ARGV, four for each change: id, the record seen ('' = none), the new one, a digest
# to know it by. All changes, or none where somebody was faster: 1 or 0.
_COMMIT = Script("""
for i = 1, #ARGV, 4 do
  if (redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then return 0 end
end
for i = 1, #ARGV, 4 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
  redis.call('HSET', KEYS[2], ARGV[i + 3], ARGV[i])
end
return 1
""")


@dataclass(frozen=True, slots=True)
class Change:
    """A record before (as it is stored; empty = there is none) and after."""

    before: bytes | str
    after: ApiKey


@dataclass(frozen=True, slots=True)
class Stored:
    """A record and its stored form, which a change must name."""

    raw: bytes | str
    record: ApiKey


class KeyRecords:
    """The records of all keys. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records, self._digests, self._uses = (
            kind.key(store.prefix, _TAG) for kind in (API_KEYS, KEY_DIGESTS, KEY_USES)
        )

    async def find(self, keys: Sequence[Sequence[str]]) -> list[Stored | None]:
        """Read for each key the record that has one of its digests, of which all keys have equally many."""
        digests = [digest for key in keys for digest in key]
        async with self._store.visit() as redis:
            found = await _FIND.run(redis, [self._records, self._digests], [len(digests) // len(keys), *digests])
        return [_parse(raw) for raw in found]

    async def read(self, key_id: str) -> Stored | None:
        """Read the record of this id."""
        async with self._store.visit() as redis:
            return _parse(await redis.hget(self._records, key_id))

    async def read_all(self) -> tuple[Stored, ...]:
        """Read every record."""
        async with self._store.visit() as redis:
            values = await redis.hvals(self._records)
        return tuple(stored for raw in values if (stored := _parse(raw)))

    async def commit(self, changes: Iterable[Change]) -> bool:
        """Make all changes, or none where a record is not what it was before."""
        arguments = [
            part
            for change in changes
            for part in (change.after.id, change.before, change.after.model_dump_json(), change.after.digests[0])
        ]
        async with self._store.visit() as redis:
            return bool(await _COMMIT.run(redis, [self._records, self._digests], arguments))

    async def uses(self) -> dict[str, int]:
        """Read when each key, by id, was last used (seconds since 1970)."""
        async with self._store.visit() as redis:
            found = await redis.hgetall(self._uses)
        return {key_id.decode() if isinstance(key_id, bytes) else key_id: int(at) for key_id, at in found.items()}

    async def note_uses(self, uses: Mapping[str, int]) -> None:
        """Write when keys were last used."""
        async with self._store.visit() as redis:
            await redis.hset(self._uses, items=[part for use in uses.items() for part in use])


def _parse(raw: bytes | str | None) -> Stored | None:
    try:
        return None if raw is None else Stored(raw, ApiKey.model_validate_json(raw))
    except ValidationError:
        _log.warning("a stored API key cannot be read and is passed over")
        return None
