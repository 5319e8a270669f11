"""What `keys` does, beside a running server or without one, on the store that the settings name."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from reddit_mcp.errors import InvalidInput, Unavailable
from reddit_mcp.settings import NO_DURABLE_STORE, Settings
from reddit_mcp.storage.api_keys.api_key import ApiKey, Role
from reddit_mcp.storage.api_keys.key_store import KeyStore
from reddit_mcp.storage.api_keys.master_secrets import open_secrets
from reddit_mcp.storage.redis.open_store import open_store

LONGEST_DAYS = 3_650


def create(
    settings: Settings,
    *,
    user: str,
    name: str,
    tier: str,
    role: Role = "user",
    expires: int | None = None,
    as_json: bool = False,
) -> str:
    """Make a key that works for `expires` days; the text holds the key itself.

    Raises:
        Failure: a value is not allowed, or the store is away.
    """
    if expires is not None and not 1 <= expires <= LONGEST_DAYS:
        raise InvalidInput(f"--expires must be 1 to {LONGEST_DAYS} days.")

    async def work() -> str:
        async with _opened(settings) as keys:
            issued = await keys.create(user, name, tier, role, expires)
        record = issued.record
        if as_json:
            facts = {"id": record.id, "user": user, "name": name, "tier": tier, "role": role}
            return json.dumps({**facts, "expires": _time(record.expires_utc), "key": issued.key})
        return f"{issued.key}\nThis is the key {record.id} of {user} ({tier}). Keep it: it is not stored here."

    return asyncio.run(work())


def table(settings: Settings) -> str:
    """Every key in a line of its own.

    Raises:
        Failure: the store is away.
    """

    async def work() -> str:
        async with _opened(settings) as keys:
            found, now = await keys.list(), keys.clock()
        head = ("id", "user", "name", "tier", "role", "state", "created", "last used", "ends")
        return "\n".join(_aligned([head, *(_row(record, now) for record in found)]))

    return asyncio.run(work())


def revoke(settings: Settings, key_id: str) -> str:
    """End a key.

    Raises:
        Failure: there is none of this id, or the store is away.
    """

    async def work() -> str:
        async with _opened(settings) as keys:
            record = await keys.revoke(key_id)
        return f"The key {record.id} of {record.user} is revoked."

    return asyncio.run(work())


def rotate(settings: Settings, key_id: str | None) -> str:
    """Replace a key, or every active one where none is named; JSON, in which the new keys are shown this once.

    Raises:
        Failure: there is none of this id, it is not active, or the store is away.
    """

    async def work() -> str:
        async with _opened(settings) as keys:
            rotations = await (keys.rotate(key_id) if key_id else keys.rotate_all())
        new = [
            {"id": each.new.record.id, "user": each.old.user, "replaces": each.old.id, "key": each.new.key}
            for each in rotations
        ]
        users = sorted({each.old.user for each in rotations})
        until = _time(rotations[0].old.valid_until_utc) if rotations else None
        status = "rotated" if rotations else "nothing_to_rotate"
        facts = {"status": status, "dual_mode_until": until, "affected_users": users, "keys": new}
        return json.dumps(facts, indent=2)

    return asyncio.run(work())


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[KeyStore]:
    if not settings.durable:
        raise Unavailable(NO_DURABLE_STORE, reason="no_durable_store")
    secrets = open_secrets(settings)
    async with open_store(settings) as store:
        yield KeyStore(store, secrets)


def _row(record: ApiKey, now: float) -> tuple[str, ...]:
    times = (_time(record.created_utc) or "", _time(record.last_used_utc) or "never", _time(record.ends_utc) or "never")
    return (record.id, record.user, record.name, record.tier, record.role, record.state(now), *times)


def _aligned(rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
