"""What becomes of queued requests, for the callers who were told to come back."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import TICKETS, TICKETS_QUEUED_SECONDS

Status = Literal["queued", "processing", "completed", "failed", "not_found"]


@dataclass(frozen=True, slots=True)
class Notice:
    """The state of one queued request.

    Attributes:
        owners: who may read it.
        position: its place in line over all replicas; 0 when it waits no more.
        estimated_wait: seconds, from when it was written or read.
        message: one sentence for its caller.
    """

    request_id: str
    status: Status
    owners: tuple[str, ...] = ()
    position: int = 0
    estimated_wait: float = 0.0
    message: str = ""


class QueueTickets:
    """The notices of all replicas. Every method raises `Unavailable` while Redis is away."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def write(self, notices: Iterable[Notice]) -> None:
        """Publish them in one trip. A queued one lives half a minute, to be renewed; an outcome lives 300 s."""
        async with self._store.visit() as redis:
            batch = redis.pipeline(transaction=False)
            for notice in notices:
                waits = notice.status in ("queued", "processing")
                ttl = TICKETS_QUEUED_SECONDS if waits else TICKETS.ttl
                batch.set(self._key(notice.request_id), self._pack(notice), ex=ttl)
            await batch.execute()

    async def read(self, request_id: str, owner: str) -> Notice:
        """Read one; an unknown one and somebody else's look alike."""
        async with self._store.visit() as redis:
            raw = await redis.get(self._key(request_id))
        notice = self._unpack(raw)
        if notice is None or owner not in notice.owners:
            return Notice(request_id, "not_found", message="You have no queued request of this id.")
        return notice

    def _key(self, request_id: str) -> str:
        return TICKETS.key(self._store.prefix, request_id)

    def _pack(self, notice: Notice) -> str:
        facts = asdict(notice)
        facts["estimated_wait"] += self._clock()  # a time, so that it runs down while nobody writes
        return json.dumps(facts)

    def _unpack(self, raw: bytes | str | None) -> Notice | None:
        try:
            facts: dict[str, Any] = json.loads(raw or b"")
            facts["estimated_wait"] = max(0.0, facts["estimated_wait"] - self._clock())
            return Notice(**{**facts, "owners": tuple(facts["owners"])})
        except (ValueError, TypeError, KeyError):
            return None
