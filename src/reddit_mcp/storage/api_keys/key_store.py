"""API keys: the operator's actions, and the look-up of a key that somebody presents."""

import hmac
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from reddit_mcp.errors import InvalidInput, NotFound, Unavailable
from reddit_mcp.models import LOCAL
from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.api_keys.api_key import ApiKey, Issued, Peppers, Role, new_id, new_key
from reddit_mcp.storage.api_keys.key_lookups import KeyLookups
from reddit_mcp.storage.api_keys.key_records import Change, KeyRecords, Stored
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.pubsub import PubSub

DAY = 86_400
DUAL_MODE_DAYS = 7
"""How long a rotated key works beside its successor."""

TOPIC = "keys"
"""The notices of revoked and rotated keys: their ids, separated by blanks."""

_NAME = re.compile(r"[\w.@+-]{1,100}")

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotated key, as it is now, and its successor."""

    old: ApiKey
    new: Issued


class Refusals:
    """Logs refused keys: those that once worked each, unknown ones once a second at most, for they come in floods."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._unknown = 0
        self._silent_until = float("-inf")

    def note(self, reason: str, key_id: str | None) -> None:
        """Log the refusal, or count it for the next line."""
        if key_id is not None:
            _log.warning("key_refused", reason=reason, key_id=key_id)
            return
        self._unknown += 1
        if (now := self._monotonic()) >= self._silent_until:
            _log.warning("key_refused", reason=reason, count=self._unknown)
            self._unknown, self._silent_until = 0, now + 1


class KeyStore:
    """All API keys. Every method raises `Unavailable` while Redis is away: the operator's actions fail closed."""

    def __init__(self, store: Store, secrets: MasterSecrets, clock: Callable[[], float] = time.time) -> None:
        self.records = KeyRecords(store)
        self.peppers = Peppers(secrets)
        self.clock = clock
        self._look_ups = KeyLookups(self.records.find)
        self._refusals = Refusals()
        self._notices = PubSub(store)

    async def create(self, user: str, name: str, tier: str, role: Role = "user", days: int | None = None) -> Issued:
        """Make a key that works for a number of days, or until it is revoked.

        Raises:
            InvalidInput: the user's or the key's name has other characters than letters, digits and `._@+-`, or the
                user is the one of a server without keys.
        """
        for word, text in (("user", user), ("name", name)):
            if not _NAME.fullmatch(text):
                raise InvalidInput(f"The {word} must be 1 to 100 letters, digits or any of . _ @ + -")
        if user == LOCAL.id:
            raise InvalidInput(f"The user {LOCAL.id} is the one of a server that listens on loopback alone.")
        now = int(self.clock())
        expires = None if days is None else now + days * DAY
        while True:
            issued = self._issue(user=user, name=name, tier=tier, role=role, created_utc=now, expires_utc=expires)
            if await self.records.commit([Change(b"", issued.record)]):  # the id is new
                return issued

    async def list(self) -> tuple[ApiKey, ...]:
        """Every key that there was, the oldest first."""
        uses = await self.records.uses()
        found = [stored.record for stored in await self.records.read_all()]
        known = (record.model_copy(update={"last_used_utc": uses.get(record.id)}) for record in found)
        return tuple(sorted(known, key=lambda record: (record.created_utc, record.id)))

    async def revoke(self, key_id: str) -> ApiKey:
        """End a key at once, on every replica within a second; one that is revoked already stays so.

        Raises:
            NotFound: there is none of this id.
        """
        while True:
            stored = await self._read(key_id)
            revoked = stored.record.revoked_utc or int(self.clock())
            record = stored.record.model_copy(update={"revoked_utc": revoked})
            if await self.records.commit([Change(stored.raw, record)]):
                await self._notices.send(TOPIC, key_id)  # also when it was revoked before: that notice may be lost
                return record

    async def rotate(self, key_id: str) -> tuple[Rotation, ...]:
        """Replace a key; the old one works for another `DUAL_MODE_DAYS`.

        Raises:
            NotFound: there is none of this id.
            InvalidInput: it does not work any more, or was rotated before.
        """
        while True:
            stored = await self._read(key_id)
            state = stored.record.state(self.clock())
            if state != "active":
                raise InvalidInput(f"The key {key_id} is {state}; only an active key can be rotated.")
            if (rotations := await self._replace([stored])) is not None:
                return rotations

    async def rotate_all(self) -> tuple[Rotation, ...]:
        """Replace every active key, all or none."""
        while True:
            found = await self.records.read_all()
            active = [stored for stored in found if stored.record.state(self.clock()) == "active"]
            if (rotations := await self._replace(active)) is not None:
                return rotations

    async def find(self, key: str) -> ApiKey | None:
        """The record of a key that works; None for one that is unknown, revoked or expired, at the same cost."""
        digests = self.peppers.digests(key)
        stored = await self._look_ups.find(digests)
        state = stored.record.state(self.clock()) if stored and _matches(stored.record, digests) else "unknown"
        if stored is None or state not in ("active", "rotated"):
            self._refusals.note(state, stored.record.id if stored else None)
            return None
        return stored.record if digests[0] in stored.record.digests else await self._rehashed(stored, digests[0])

    async def _rehashed(self, stored: Stored, digest: str) -> ApiKey:
        """The record under the newest pepper too; the older digest stays, for another replica may not know that yet."""
        changed = stored.record.model_copy(update={"digests": (digest, *stored.record.digests)})
        with suppress(Unavailable):  # the next use tries again
            await self.records.commit([Change(stored.raw, changed)])
        return changed

    async def _read(self, key_id: str) -> Stored:
        stored = await self.records.read(key_id)
        if stored is None:
            raise NotFound("There is no API key of this id; `keys list` shows all.", resource="key")
        return stored

    async def _replace(self, stored: Sequence[Stored]) -> tuple[Rotation, ...] | None:
        """Issue a successor for each; None if somebody changed one meanwhile."""
        rotations = tuple(self._rotation(each.record) for each in stored)
        changes = [Change(each.raw, rotation.old) for each, rotation in zip(stored, rotations, strict=True)]
        if not await self.records.commit([*changes, *(Change(b"", rotation.new.record) for rotation in rotations)]):
            return None
        await self._notices.send(TOPIC, " ".join(rotation.old.id for rotation in rotations))
        return rotations

    def _rotation(self, old: ApiKey) -> Rotation:
        """A successor that lives as long as the old key was meant to."""
        now = int(self.clock())
        expires = None if old.expires_utc is None else now + old.expires_utc - old.created_utc
        owner = old.model_dump(include={"user", "name", "tier", "role"})
        new = self._issue(**owner, created_utc=now, expires_utc=expires)
        until = now + DUAL_MODE_DAYS * DAY
        return Rotation(old.model_copy(update={"rotated_to": new.record.id, "valid_until_utc": until}), new)

    def _issue(self, **facts: object) -> Issued:
        key = new_key()
        record = ApiKey.model_validate({"id": new_id(), "digests": (self.peppers.digest(key),), **facts})
        return Issued(key, record)


def _matches(record: ApiKey, digests: Sequence[str]) -> bool:
    """Whether it is this key's record, compared in constant time, as Redis did not."""
    return any(hmac.compare_digest(kept, digest) for kept in record.digests for digest in digests)
