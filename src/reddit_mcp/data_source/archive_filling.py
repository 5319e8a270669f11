"""Filling an archive from Arctic Shift: a community's posts and then its comments, oldest first.

How far it has come is noted in the archive, in the same transaction as the things themselves: whenever it is killed,
nothing is lost and nothing comes twice. What was complete before is taken up again two days before its end, for by then
Arctic Shift has looked a second time at what was new: scores have moved, and what was deleted is deleted here too.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import orjson

from reddit_mcp.archive.sqlite.archive_writer import Writer
from reddit_mcp.errors import DeadlineExceeded, Failure, RateLimited, UpstreamError
from reddit_mcp.upstream.arctic_shift import ArcticReach, Span
from reddit_mcp.upstream.arctic_shift.arctic_reach import Kind

KINDS: tuple[Kind, ...] = ("t3", "t1")
AGAIN_SECONDS = 2 * 86_400
"""How much of what was complete is read again: Arctic Shift looks a second time after about 36 hours."""

MOST_FAILURES = 8
"""Failures in a row after which it gives up, for now."""

LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Position:
    """How far one kind of things of one community has come: all before `second`, and `seen` of it."""

    second: int
    until: int
    seen: frozenset[str] = frozenset()
    done: bool = False

    def write(self) -> bytes:
        """As it is noted in the archive."""
        facts = {"second": self.second, "until": self.until, "seen": sorted(self.seen), "done": self.done}
        return orjson.dumps(facts)

    @classmethod
    def read(cls, noted: bytes) -> "Position":
        """What was noted."""
        facts = orjson.loads(noted)
        return cls(facts["second"], facts["until"], frozenset(facts["seen"]), facts["done"])


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been read of a community in this run, and which share of its time has been passed."""

    community: str
    kind: Kind
    things: int
    share: float


class ArchiveFilling:
    """Reads communities into an archive.

    Args:
        reach: asks Arctic Shift.
        writer: the archive.
        watch: is told after each page.
        sleep: waits before what failed is tried again.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        reach: ArcticReach,
        writer: Writer,
        watch: Callable[[Progress], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reach = reach
        self._writer = writer
        self._watch = watch
        self._sleep = sleep
        self._clock = clock

    async def fill(self, community: str, since: int, until: int | None) -> None:
        """Read all posts and comments of a stretch of time, or what is left of them.

        Raises:
            Failure: Arctic Shift keeps failing; what was read stays, and the next call goes on from there.
        """
        for kind in KINDS:
            await self._fill(community, kind, since, until)

    async def _fill(self, community: str, kind: Kind, since: int, until: int | None) -> None:
        name = f"pull {community.lower()} {kind} {since}"
        position, failures, things = self._position(name, since, until), 0, 0
        while not position.done:
            try:
                span = Span(position.second, position.until)
                async for stretch in self._reach.walk(kind, community, span, position.seen):
                    position = replace(position, second=stretch.second, seen=stretch.seen)
                    found = [(item.kind, item.data) for item in stretch.items]
                    self._writer.add(found, {name: position.write()})
                    things, failures = things + len(found), 0
                    self._watch(Progress(community, kind, things, _share(position, since)))
            except Failure as failure:
                failures += 1
                await self._wait(failure, failures)
            else:
                position = replace(position, done=True)
                self._writer.add((), {name: position.write()})
        self._watch(Progress(community, kind, things, 1.0))

    def _position(self, name: str, since: int, until: int | None) -> Position:
        noted, now = self._writer.mark(name), int(self._clock())
        if noted is None:
            return Position(since, until or now)
        position = Position.read(noted)
        end = until or (now if position.done else position.until)
        if not position.done or end <= position.until:
            return replace(position, until=max(end, position.until))
        return Position(max(since, position.until - AGAIN_SECONDS), end)

    async def _wait(self, failure: Failure, failures: int) -> None:
        if failures >= MOST_FAILURES or not isinstance(failure, RateLimited | UpstreamError | DeadlineExceeded):
            raise failure
        asked = float(failure.data.get("retry_after_seconds", 0))
        await self._sleep(max(asked, min(LONGEST_WAIT, 2.0**failures)))


def _share(position: Position, since: int) -> float:
    return min(1.0, (position.second - since) / max(1, position.until - since))
