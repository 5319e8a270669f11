"""What the polling of watches remembers: who is due, how far each watch has seen, what it found."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from reddit_mcp.models import Gap, Match, Value, Watch
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import (
    BASELINES,
    CANDIDATES,
    MATCH_DAYS,
    WATCH_CHECKS,
    WATCH_MATCHES,
    WATCH_PROGRESS,
    WATCHES,
)
from reddit_mcp.storage.redis.lua_scripts import Script
from reddit_mcp.storage.watches.match_store import MOST_MATCHES, STORE, MatchKeys, matches
from reddit_mcp.storage.watches.watch_store import CHECKS_TAG, Progress, Raw, member, owner_and_id, read_watch

_GRACE_SECONDS = 60
"""How long a due time may stand before its watch does: it is written first."""

# KEYS: watches, progress. ARGV: watch id, its progress.
_PROGRESS = Script("""
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
""")


class Candidate(Value):
    """A post that has a keyword but not yet the attention that its watch asks for."""

    post_id: str
    keyword: str
    created_utc: int
    next_utc: float


class Candidates(Value):
    """Those of one watch, by the post that they are or show."""

    posts: Mapping[str, Candidate] = {}


@dataclass(frozen=True, slots=True)
class Due:
    """A watch to be checked; `seen_to` is the time up to which it has seen all posts, None before its first check.

    `unreadable` are communities that Reddit did not show then, with the times up to which theirs were seen.
    """

    watch: Watch
    seen_to: float | None
    candidates: Mapping[str, Candidate]
    unreadable: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check of a watch came to."""

    checked: float
    next_check: float
    seen_to: float | None
    found: Sequence[Match]
    candidates: Mapping[str, Candidate]
    gap: Gap | None
    unreadable: Mapping[str, float]


class PollRecords:
    """Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._checks = WATCH_CHECKS.key(store.prefix, CHECKS_TAG)

    async def due(self, now: float, most: int) -> tuple[Due, ...]:
        """The active watches whose time has come, those of the earliest times; `most` of them."""
        async with self._store.visit() as redis:
            found: Any = await redis.zrangebyscore(self._checks, "-inf", now, 0, most, withscores=True)
        owners: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for raw, score in found:
            owner, watch_id = owner_and_id(raw)
            owners[owner].append((watch_id, score))
        each = [due for owner, entries in owners.items() for due in await self._of_owner(owner, entries, now)]
        return tuple(each)

    async def next_due(self) -> float | None:
        """When the next watch is due; None without active watches."""
        async with self._store.visit() as redis:
            first: Any = await redis.zrange(self._checks, 0, 0, withscores=True)
        return float(first[0][1]) if first else None

    async def store(self, due: Due, outcome: Outcome) -> tuple[Match, ...] | None:
        """Store what was found, together with how far the watch has seen.

        Returns the matches that nobody was told of yet, those left by a crash included; None where the watch has been
        deleted or paused meanwhile: then nothing is stored.
        """
        watch, prefix = due.watch, self._store.prefix
        keys = (WATCHES.key(prefix, watch.owner), WATCH_PROGRESS.key(prefix, watch.owner))
        own = MatchKeys.of(prefix, watch.owner, watch.watch_id)
        found = [part for match in outcome.found for part in (match.match_id, match.matched_utc, _json(match))]
        arguments = (
            watch.watch_id,
            _json(_progress(outcome)),
            _json(Candidates(posts=outcome.candidates)),
            outcome.checked - MATCH_DAYS * 86_400,
            MOST_MATCHES,
            WATCH_MATCHES.ttl or 0,
            CANDIDATES.ttl or 0,
            *found,
        )
        async with self._store.visit() as redis:
            waiting = await STORE.run(redis, [*keys, *own.all()], arguments)
        return None if waiting is None else tuple(sorted(matches(waiting), key=lambda match: match.matched_utc))

    async def told(self, watch: Watch, told: Sequence[Match]) -> None:
        """Remember that these were handed on."""
        keys = MatchKeys.of(self._store.prefix, watch.owner, watch.watch_id)
        async with self._store.visit() as redis:
            await redis.srem(keys.undelivered, *(match.match_id for match in told))

    async def plan(self, watch: Watch, next_check: float) -> None:
        """Set when a watch is checked next; one that is gone from the plan stays away."""
        async with self._store.visit() as redis:
            await redis.zadd(self._checks, {member(watch.owner, watch.watch_id): next_check}, xx=True)

    async def put_off(self, due: Due, next_check: int) -> None:
        """Let a watch that could not be checked have its turn later, and let it say so."""
        watch = due.watch
        progress = Progress(
            seen_to=due.seen_to,
            last_checked_utc=watch.last_checked_utc,
            next_check_utc=next_check,
            gap=watch.gap,
            unreadable=due.unreadable,
        )
        keys = [kind.key(self._store.prefix, watch.owner) for kind in (WATCHES, WATCH_PROGRESS)]
        async with self._store.visit() as redis:
            await _PROGRESS.run(redis, keys, (watch.watch_id, _json(progress)))
        await self.plan(watch, next_check)

    async def baseline(self, community: str) -> Raw:
        """What was measured of a community in the last hours."""
        async with self._store.visit() as redis:
            return await redis.get(BASELINES.key(self._store.prefix, community))

    async def keep_baseline(self, community: str, measured: str) -> None:
        """Remember it for some hours."""
        async with self._store.visit() as redis:
            await redis.set(BASELINES.key(self._store.prefix, community), measured, ex=BASELINES.ttl)

    async def _of_owner(self, owner: str, entries: Sequence[tuple[str, float]], now: float) -> list[Due]:
        ids, prefix = [watch_id for watch_id, _ in entries], self._store.prefix
        async with self._store.visit() as redis:
            records = await redis.hmget(WATCHES.key(prefix, owner), ids)
            steps = await redis.hmget(WATCH_PROGRESS.key(prefix, owner), ids)
            keys = [MatchKeys.of(prefix, owner, watch_id).candidates for watch_id in ids]
            candidates = await redis.mget(keys)
        due, gone = [], []
        for (watch_id, score), record, step, posts in zip(entries, records, steps, candidates, strict=True):
            watch = read_watch(record, step) if record else None
            if watch and watch.status == "active":
                progress = Progress.read(step)
                due.append(Due(watch, progress.seen_to, _candidates(posts), progress.unreadable))
            elif watch or score < now - _GRACE_SECONDS:
                gone.append(member(owner, watch_id))
        if gone:
            async with self._store.visit() as redis:
                await redis.zrem(self._checks, *gone)
        return due


def _progress(outcome: Outcome) -> Progress:
    return Progress(
        seen_to=outcome.seen_to,
        last_checked_utc=int(outcome.checked),
        next_check_utc=int(outcome.next_check),
        gap=outcome.gap,
        unreadable=outcome.unreadable,
    )


def _candidates(raw: Raw) -> Mapping[str, Candidate]:
    try:
        return Candidates.model_validate_json(raw).posts if raw else {}
    except ValidationError:
        return {}


def _json(value: Value) -> str:
    return value.model_dump_json()
