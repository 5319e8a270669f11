"""The seam: anything that can answer a Query. The cache and PRAW are both Sources, stacked like an onion."""

import enum
import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from reddit_mcp.models import Value

T = TypeVar("T", bound=Value)

SourceName = Literal["reddit", "arctic_shift", "archive", "sample"]
"""Who answers, as `metadata.source` says it."""

Kind = Literal["listing", "search", "comments", "user", "subreddit", "trending", "sentiment"]
Params = tuple[tuple[str, str], ...]


Views = dict[Hashable, tuple[bytes, tuple[str, ...]]]
"""What was drawn from an answer, with what is said of it."""


class Priority(enum.IntEnum):
    """Critical: alerts and health; high: people waiting; normal: watches; low: warming and analytics."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """One question to Reddit.

    Attributes:
        kind: the family in the cache.
        model: what the answer becomes.
        resource: what the question is about, in words that a model reads in a `not_found`.
        path: below Reddit's API root; every piece validated and percent-encoded before it came here.
        ttl: seconds the answer stays fresh.
        priority: who goes first when Reddit's budget is short.
        tags: what the answer is about, such as `subreddit:python`; a purge names them.
        fresh: whether only Reddit itself may answer, now, and no earlier answer will do.
    """

    kind: Kind
    model: type[T]
    resource: str
    path: str
    params: Params = ()
    method: Literal["GET", "POST"] = "GET"
    ttl: int = 300
    priority: Priority = Priority.HIGH
    tags: tuple[str, ...] = ()
    fresh: bool = False

    @property
    def key(self) -> str:
        """Equal for equal questions, whatever script they are written in."""
        text = repr((self.kind, self.model.__name__, self.method, self.path, self.params))
        return f"{self.kind}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value and how it was come by.

    Attributes:
        calls: requests that Reddit received for it.
        age: seconds since Reddit gave it; 0 when fresh from Reddit.
        cached: whether it came out of a cache.
        stale: whether it is older than its ttl.
        ttl: seconds such an answer stays fresh.
        archive: oldest and newest `created_utc` of the archive that answered, None when Reddit did.
        degraded: why this is not what a healthy server would give, in one sentence; None when it is.
        limits: what the source cannot give by its nature, in sentences; unlike a passing trouble it is cached along.
        source: who gave it; empty for a layer that does not know.
        views: what was drawn from this very value before, by what it was drawn for; None where nothing is kept.
    """

    value: T
    calls: int = 0
    age: float = 0.0
    cached: bool = False
    stale: bool = False
    ttl: int = 300
    archive: tuple[int, int] | None = None
    degraded: str | None = None
    limits: str | None = None
    source: SourceName | Literal[""] = ""
    views: Views | None = field(default=None, compare=False)


class Source(Protocol):
    """Anything that can answer a Query.

    Raises:
        Failure: of the branches not_found, rate_limited, unavailable, upstream_error and timeout.
    """

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Answer the query."""
        ...


Json = Any
"""Reddit's JSON, untrusted until parsed."""
