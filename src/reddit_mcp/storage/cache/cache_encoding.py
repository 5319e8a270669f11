"""How a cached answer is written: one marker byte, a line of facts about the answer, and its value as our models' JSON.

The marker says whether the rest is compressed. Never pickle: anybody with access to Redis could run code here.
"""

import sys
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, FiniteFloat

from reddit_mcp.models import Value

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

T = TypeVar("T", bound=Value)

LARGEST = 10_000_000
"""Bytes of JSON that a cached answer may have."""

LONG = 4096
"""Bytes from which on zstd is worth its time."""

_PLAIN, _ZSTD = b"j", b"z"
_LEVEL = 1
_AHEAD = 0.2


class Facts(BaseModel):
    """What is known of a cached answer beside its value.

    Attributes:
        model: the name of the value's model.
        stored_at: when Reddit gave it, in seconds since 1970.
        fresh_until: when it stops being fresh, in seconds since 1970.
        ttl: seconds such an answer stays fresh.
        archive: oldest and newest `created_utc` of the archive that answered.
        limits: what the source could not give by its nature.
        marks: the mark of each of its tags when its question was asked; a purge removes marks.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    stored_at: FiniteFloat
    fresh_until: FiniteFloat
    ttl: int
    archive: tuple[int, int] | None = None
    limits: str | None = None
    marks: dict[str, str]

    def age(self, now: float) -> float:
        """Seconds since Reddit gave it; 0 where the clock was set back."""
        return max(0.0, now - self.stored_at)

    def is_fresh(self, now: float) -> bool:
        """Whether it may be served as it is."""
        return now < self.fresh_until

    def is_due(self, now: float) -> bool:
        """Whether it should be renewed: in the last fifth of its life, or past it."""
        return now >= self.fresh_until - _AHEAD * (self.fresh_until - self.stored_at)


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A cached answer; `size` is its bytes as JSON, `views` what was drawn from it for those who read it."""

    value: T
    facts: Facts
    size: int
    views: dict[Hashable, tuple[bytes, tuple[str, ...]]] = field(default_factory=dict, compare=False)


def seal(value: T, facts: Facts) -> tuple[Entry[T], bytes]:
    """Make an entry, and the bytes to store for it."""
    body = f"{facts.model_dump_json()}\n{value.model_dump_json()}".encode()
    stored = _ZSTD + zstd.compress(body, _LEVEL) if len(body) >= LONG else _PLAIN + body
    return Entry(value, facts, len(body)), stored


def unseal(stored: bytes, model: type[T]) -> Entry[T] | None:
    """Read an entry; None when it is damaged, or another program's, or another model's."""
    try:
        body = _body(stored)
        line, _, value = body.partition(b"\n")
        facts = Facts.model_validate_json(line)
        if facts.model != model.__name__:
            return None
        return Entry(model.model_validate_json(value), facts, len(body))
    except (ValueError, EOFError, zstd.ZstdError):
        return None


def _body(stored: bytes) -> bytes:
    marker, rest = stored[:1], stored[1:]
    if marker == _PLAIN:
        return rest
    if marker == _ZSTD:
        # Never more than may have been stored: a few forged bytes could ask for all memory.
        return zstd.ZstdDecompressor().decompress(rest, max_length=2 * LARGEST)
    raise ValueError("not a marker of ours")
