"""`archive pull`: communities of Arctic Shift into an archive, gently, and on from where it was stopped."""

import asyncio
import contextlib
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from reddit_mcp.archive.archive_location import imported_archive
from reddit_mcp.archive.sqlite.archive_gaps import gaps
from reddit_mcp.archive.sqlite.archive_writer import Writer
from reddit_mcp.data_source.archive_filling import ArchiveFilling, Progress
from reddit_mcp.errors import Failure, InvalidInput, Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage.limits.request_budget import Census
from reddit_mcp.storage.redis.open_store import open_store
from reddit_mcp.tools.declaration.date_bounds import bounds
from reddit_mcp.upstream.arctic_shift import Api, ArcticReach
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Spend
from reddit_mcp.upstream.pipeline import shared_tokens
from reddit_mcp.upstream.reddit_api import identifiers
from reddit_mcp.upstream.transport import arctic_transport

LOWEST = Census(waiting=(0, 0, 0, 1), places=1)
"""Whoever waits for an answer goes first; the lowest class is also paced."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 5.0
TELL_SECONDS = 2.0
NAMES = {"t3": "posts", "t1": "comments"}
GO_ON = "run the same command again to go on"


def pull_archive(settings: Settings, communities: Sequence[str], since: str, until: str, db: Path | None) -> int:
    """Fill the archive.

    Raises:
        InvalidInput: a name is none, or a date.
        Unavailable: Arctic Shift keeps failing, or the archive cannot be written.
    """
    names, (start, end) = [_name(text) for text in communities], bounds(since, until)
    target = db or imported_archive(settings)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        asyncio.run(_pull(settings, names, start or 0, end, target))
    except KeyboardInterrupt:
        sys.stdout.write(f"Stopped; {GO_ON}.\n")
        return 130
    except (sqlite3.Error, ValueError, OSError) as error:
        raise Unavailable(f"The archive {target} cannot be written: {error}") from error
    for name in names:
        sys.stdout.write(_summary(name, target))
    return 0


def _name(text: str) -> str:
    try:
        return identifiers.community(text)
    except ValueError as error:
        raise InvalidInput(f"{text[:50]!r} is no name of a community.") from error


async def _pull(settings: Settings, names: Sequence[str], since: int, until: int | None, target: Path) -> None:
    api = Api(settings.arctic_shift_url, settings.reddit.user_agent, settings.reddit.timeout)
    try:
        async with _budget(settings, api) as spend:
            with Writer(target) as writer:
                filling = ArchiveFilling(ArcticReach(api, spend), writer, _progress())
                for name in names:
                    await filling.fill(name, since, until)
    except Failure as failure:
        raise Unavailable(f"{failure} What was read stays in the archive; {GO_ON}.", **failure.data) from failure
    finally:
        await api.aclose()


@contextlib.asynccontextmanager
async def _budget(settings: Settings, api: Api) -> AsyncIterator[Spend]:
    """Tokens of the budget that running servers share, taken after all who wait for an answer."""
    async with open_store(settings) as store:
        transport = arctic_transport(api, settings.arctic_shift_url, settings.arctic_shift_qpm)
        tokens = shared_tokens(store, transport)

        async def spend() -> None:
            while True:
                verdict, _, _ = await tokens.take(LOWEST)
                if verdict.granted is not None:
                    return
                pause = max(verdict.wait, verdict.pace if verdict.free > 0 else 0.0, SHORTEST_PAUSE)
                await asyncio.sleep(min(pause, LONGEST_PAUSE))

        yield spend


def _progress() -> Callable[[Progress], None]:
    """A line every two seconds, and at the end of each kind: how far, and how long it may still take."""
    began, told, first = time.monotonic(), 0.0, dict[tuple[str, str], tuple[float, float]]()

    def watch(progress: Progress) -> None:
        nonlocal told
        now = time.monotonic()
        start, share = first.setdefault((progress.community, progress.kind), (now, progress.share))
        if progress.share < 1 and now - told < TELL_SECONDS:
            return
        told = now
        done = progress.share - share
        left = (now - start) * (1 - progress.share) / done if done > 0 and progress.share < 1 else 0.0
        still = f", about {_duration(left)} left" if left else ""
        sys.stdout.write(
            f"r/{progress.community}: {progress.things} {NAMES[progress.kind]}, {progress.share:.0%} of the time"
            f"{still} ({_duration(now - began)} so far)\n"
        )
        sys.stdout.flush()

    return watch


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _summary(name: str, target: Path) -> str:
    found = gaps(target, name)
    there = f"{found.posts} posts and {found.comments} comments in {target}"
    lacking = [
        f"{found.missing} comments that its posts count are not there" if found.missing else "",
        f"{found.orphans} comments belong to posts that are not there" if found.orphans else "",
    ]
    told = "; ".join(filter(None, lacking))
    return f"r/{name} is complete as far as Arctic Shift has it: {there}. {told or 'Nothing is missing'}.\n"
