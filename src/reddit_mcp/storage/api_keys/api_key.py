"""An API key: how it is made, what is kept of it, and how its digest is taken."""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Literal

from reddit_mcp.models import Value
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets

PREFIX = "rmcp_"
"""Before every key, so that people and secret scanners know one when they see it."""

Role = Literal["user", "operator"]


class ApiKey(Value):
    """What is kept of a key; the key itself is not. Times are whole seconds since 1970 (UTC).

    Attributes:
        digests: HMACs of the key, one for each pepper it was seen under.
        rotated_to: the id of the key that replaces it; it still works until `valid_until_utc`.
    """

    id: str
    user: str
    name: str
    tier: str
    role: Role = "user"
    created_utc: int
    digests: tuple[str, ...]
    expires_utc: int | None = None
    revoked_utc: int | None = None
    rotated_to: str | None = None
    valid_until_utc: int | None = None
    last_used_utc: int | None = None

    @property
    def ends_utc(self) -> int | None:
        """When it stops working, if it does."""
        return min((end for end in (self.expires_utc, self.valid_until_utc) if end is not None), default=None)

    def state(self, now: float) -> Literal["active", "rotated", "expired", "revoked"]:
        """What it is at this time; a rotated key works until its end."""
        if self.revoked_utc is not None:
            return "revoked"
        if self.ends_utc is not None and self.ends_utc <= now:
            return "expired"
        return "rotated" if self.rotated_to else "active"

    def works(self, now: float) -> bool:
        """Whether it lets its holder in."""
        return self.state(now) in ("active", "rotated")


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, seen this one time, and its record."""

    key: str = field(repr=False)
    record: ApiKey


class Peppers:
    """Digests of keys: HMAC-SHA256, for a key of 256 random bits needs no slow hash, only a secret beside the store."""

    def __init__(self, secrets: MasterSecrets) -> None:
        self._peppers = secrets.derive("api-key pepper")

    def digest(self, key: str) -> str:
        """The digest under the newest pepper."""
        return _digest(self._peppers[0], key)

    def digests(self, key: str) -> tuple[str, ...]:
        """The digests under each pepper, the newest first."""
        return tuple(_digest(pepper, key) for pepper in self._peppers)


def new_key() -> str:
    """Draw a key: the prefix and 32 random bytes."""
    return PREFIX + secrets.token_urlsafe(32)


def new_id() -> str:
    """Draw an id, which is no secret: 12 hexadecimal digits."""
    return secrets.token_hex(6)


def _digest(pepper: bytes, key: str) -> str:
    return hmac.digest(pepper, key.encode(), "sha256").hex()
