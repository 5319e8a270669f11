"""The keys that this process knows: verified in Redis, trusted for minutes, and kept through an outage of Redis."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.api_keys.api_key import ApiKey
from reddit_mcp.storage.api_keys.key_store import TOPIC, KeyStore
from reddit_mcp.storage.redis.pubsub import PubSub

TRUST_SECONDS = 300.0
"""How long a verified key is not looked up again, unless a notice says otherwise."""

OUTAGE_SECONDS = 3_600.0
"""While Redis is away, a key stays valid when it was last seen this recently."""

MOST_KEYS = 10_000
_WRITE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Verified:
    """A key that works; `confirmed` is False while Redis is away and it is accepted on memory alone."""

    record: ApiKey
    confirmed: bool = True


@dataclass(slots=True)
class _Known:
    record: ApiKey
    trusted_until: float
    seen: float


class Keyring:
    """Verifies keys; while the context is open, writes when they were used, at most once a minute.

    Args:
        keys: where they are looked up.
        notices: tells of revoked and rotated keys.
        monotonic: seconds of a clock that never jumps.
    """

    def __init__(self, keys: KeyStore, notices: PubSub, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._monotonic = monotonic
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._used: dict[str, int] = {}
        self._heard_count = 0
        self._task: asyncio.Task[None] | None = None
        notices.on(TOPIC, self._heard)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write_often())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._write()

    def knows(self, key: str) -> bool:
        """Whether this process has seen the key work, and no reason to think otherwise."""
        known = self._known.get(self._keys.peppers.digest(key))
        return known is not None and known.record.works(self._keys.clock())

    async def verify(self, key: str) -> Verified | None:
        """The key's record, or None for one that is unknown, revoked or expired.

        Raises:
            Unavailable: Redis is away, and the key was not seen here within the last hour.
        """
        digest, now = self._keys.peppers.digest(key), self._monotonic()
        known = self._known.get(digest)
        if known and not known.record.works(self._keys.clock()):
            del self._known[digest]  # and look it up, as for any other key that does not work: nothing to tell apart
            known = None
        if known and now < known.trusted_until:
            return Verified(self._seen(digest, known, now))
        try:
            record = await self._look_up(key, digest, now)
        except Unavailable:
            if known is None or now - known.seen > OUTAGE_SECONDS or digest not in self._known:
                raise
            return Verified(self._seen(digest, known, now), confirmed=False)
        return None if record is None else Verified(record)

    async def _look_up(self, key: str, digest: str, now: float) -> ApiKey | None:
        heard = self._heard_count
        record = await self._keys.find(key)
        if record is None:
            self._known.pop(digest, None)
        elif heard == self._heard_count:  # otherwise the key may have been revoked since it was read
            self._seen(digest, _Known(record, now + TRUST_SECONDS, now), now)
        return record

    def _seen(self, digest: str, known: _Known, now: float) -> ApiKey:
        known.seen = now
        self._known[digest] = known
        self._known.move_to_end(digest)
        if len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)
        self._used[known.record.id] = int(self._keys.clock())
        return known.record

    def _heard(self, text: str | None) -> None:
        """Forget the keys that a notice names; trust none where notices may have been missed."""
        self._heard_count += 1
        if text is None:
            for known in self._known.values():
                known.trusted_until = 0.0
            return
        ids = set(text.split())
        for digest in [digest for digest, known in self._known.items() if known.record.id in ids]:
            del self._known[digest]

    async def _write_often(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            await self._write()

    async def _write(self) -> None:
        if not self._used:
            return
        used, self._used = self._used, {}
        try:
            await self._keys.records.note_uses(used)
        except Unavailable:
            self._used = used | self._used
