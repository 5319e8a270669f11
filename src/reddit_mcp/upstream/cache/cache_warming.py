"""Filling the cache at the start, so that the communities that most people ask for answer without a wait.

At the lowest priority, within a tenth of Reddit's budget, one replica at a time. What is cached costs nothing.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable
from itertools import product
from types import TracebackType
from typing import Self

from reddit_mcp.errors import Failure, Unavailable
from reddit_mcp.event_wait import wait_for_event
from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.redis.lease import Lease
from reddit_mcp.upstream.client import ListingSort, Reddit
from reddit_mcp.upstream.single_flight.call_context import LOCAL, caller, deadline
from reddit_mcp.upstream.source import Priority

FRONT_PAGE = ("funny", "AskReddit", "gaming", "worldnews", "todayilearned", "Music", "aww")
"""The seven largest communities that everybody may post in (https://www.reddit.com/best/communities/1/)."""

SORTS: tuple[ListingSort, ...] = ("hot", "top")

PAGE = 25
"""What `get_subreddit_posts` asks for when its caller names no limit."""

SHARE = 0.1
"""Of Reddit's budget."""

REQUEST_SECONDS = 60.0
"""How long one request may wait for its turn."""


class CacheWarming:
    """An async context manager that warms in the background while it is open.

    Args:
        reddit: whose cache is filled.
        lease: of the replica that warms.
        hopeless: whether Reddit's breaker is open; then it ends.
        per_minute: Reddit's whole budget.
    """

    def __init__(self, reddit: Reddit, lease: Lease, hopeless: Callable[[], bool], per_minute: float) -> None:
        self._reddit = reddit.at(Priority.LOW)
        self._lease = lease
        self._hopeless = hopeless
        self._pause = 60 / (SHARE * per_minute)
        self._closing = asyncio.Event()
        self._log = logger(__name__)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()  # Python 3.11's `wait_for`, which redis-py sends by, may swallow a cancellation
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        caller.set(LOCAL)
        try:
            for community, sort in product(FRONT_PAGE, SORTS):
                if not await self._is_mine():
                    break
                await self._rest(await self._warm(community, sort))
            self._log.info("cache_warming_ended")
        except Unavailable as away:  # Redis: alone, each replica would warm for itself
            self._log.info("cache_warming_ended", reason=str(away))
        finally:
            with contextlib.suppress(Unavailable):
                await self._lease.release()

    async def _is_mine(self) -> bool:
        """Wait for the turn of this replica; False when there is no use in it any more."""
        seconds = math.ceil(self._pause + 2 * REQUEST_SECONDS)
        while not (self._closing.is_set() or self._hopeless()):
            if await self._lease.hold(seconds):
                return True
            await self._rest(1)
        return False

    async def _warm(self, community: str, sort: ListingSort) -> int:
        """Ask for a listing; how many requests Reddit received for it."""
        deadline.set(asyncio.get_running_loop().time() + REQUEST_SECONDS)
        try:
            return (await self._reddit.posts(community, sort, "day", PAGE)).calls
        except Failure as failure:
            return max(1, failure.calls)

    async def _rest(self, calls: int) -> None:
        await wait_for_event(self._closing, calls * self._pause)
