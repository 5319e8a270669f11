"""The baselines of communities, measured a few times a day and shared by all watches."""

import asyncio
import logging

from pydantic import ValidationError

from reddit_mcp.errors import Failure, NotFound
from reddit_mcp.models import Post
from reddit_mcp.storage.watches.poll_records import PollRecords
from reddit_mcp.storage.watches.watch_store import Raw
from reddit_mcp.upstream.client import PAGE, Reddit
from reddit_mcp.upstream.single_flight.call_context import deadline
from reddit_mcp.watches.polling.engagement import Baseline, baseline
from reddit_mcp.watches.ports import Clock

_log = logging.getLogger(__name__)

SECONDS = 30.0
"""How long one measurement may wait for its turn and for Reddit."""


CLOSED = "closed"
"""Kept in a baseline's place for a community that cannot be read: gone, private or banned."""


class CommunityBaselines:
    """What one poll knows of communities.

    It measures `most` new ones at most and none after a failure of Reddit: the others wait for the next poll.
    """

    def __init__(self, reddit: Reddit, polls: PollRecords, clock: Clock, most: int = 10) -> None:
        self._reddit = reddit
        self._polls = polls
        self._clock = clock
        self._left = most
        self._known: dict[str, Baseline | None] = {}

    async def of(self, community: str) -> Baseline | None:
        """The baseline of a community; None where it cannot be had now."""
        if community not in self._known:
            raw = await self._polls.baseline(community)
            is_closed = raw is not None and raw in (CLOSED, CLOSED.encode())
            self._known[community] = None if is_closed else _read(raw) or await self._measured(community)
        return self._known[community]

    async def _measured(self, community: str) -> Baseline | None:
        if self._left <= 0 or not community:
            return None
        self._left -= 1
        deadline.set(asyncio.get_running_loop().time() + SECONDS)
        try:
            answer = await self._reddit.posts(community, "new", "all", PAGE)
        except NotFound:
            await self._polls.keep_baseline(community, CLOSED)
            return None
        except Failure as failure:
            _log.info("communities cannot be measured now: %s", failure)
            self._left = 0
            return None
        now = answer.archive[1] if answer.archive else self._clock.now()
        measured = baseline([post for post in answer.value.items if isinstance(post, Post)], now)
        await self._polls.keep_baseline(community, measured.model_dump_json())
        return measured


def _read(raw: Raw) -> Baseline | None:
    try:
        return Baseline.model_validate_json(raw) if raw else None
    except ValidationError:
        return None
