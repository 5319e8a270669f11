"""Reading what is new on Reddit for any number of watches, with as few requests as they need together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from reddit_mcp.errors import NotFound, Unavailable
from reddit_mcp.models import Listing, Post
from reddit_mcp.upstream.client import PAGE, Reddit, TimeFilter
from reddit_mcp.upstream.single_flight.call_context import deadline
from reddit_mcp.upstream.source import Answer
from reddit_mcp.watches.polling.poll_grouping import Reading

_log = logging.getLogger(__name__)

LISTED, SEARCHED = 1000, 250
"""How many posts Reddit lists, and how many it finds, at most."""

SAMPLED = 300
"""How many of the newest posts of all Reddit are read where no search finds them."""

READ_SECONDS = 120.0
"""How long one reading may wait for its turn and for Reddit."""

_WINDOWS: tuple[tuple[int, TimeFilter], ...] = ((3600, "hour"), (86_400, "day"), (7 * 86_400, "week"))


@dataclass(frozen=True, slots=True)
class Read:
    """Posts, newest first.

    Attributes:
        reached: the oldest moment that could be seen, where older ones were asked for; None = all were seen.
        newest: the newest moment of the archive that answered; None when Reddit did.
        unreadable: the communities that Reddit does not show: gone, private or banned.
    """

    posts: tuple[Post, ...] = ()
    reached: int | None = None
    newest: int | None = None
    unreadable: frozenset[str] = frozenset()


class FeedReader:
    """Reads new posts; every method raises Reddit's failures, but for communities that cannot be read."""

    def __init__(self, reddit: Reddit, clock: Callable[[], float]) -> None:
        self._reddit = reddit
        self._clock = clock

    async def read(self, reading: Reading) -> Read:
        """The posts of a reading."""
        _begin()
        if reading.what == "search":
            return await self.search(reading.query, reading.since)
        return await self.communities(reading.names, reading.since)

    async def communities(self, names: Sequence[str], since: float | None) -> Read:
        """The posts of these communities since then, or the newest page; one time line for all of them.

        Where a listing ends before `since`, its halves are read on their own: so a busy community hides no other.
        A community that is gone, private or banned has no posts.
        """
        joined = "+".join(names)
        try:
            read = await _pages(lambda after: self._reddit.posts(joined, "new", "all", PAGE, after), since, LISTED)
        except NotFound:
            if len(names) == 1:
                _log.info("a watched community cannot be read")
                return Read(unreadable=frozenset(names))
        else:
            if read.reached is None or len(names) == 1:
                return read
        half = len(names) // 2
        return merged([await self.communities(part, since) for part in (names[:half], names[half:])])

    async def search(self, query: str, since: float | None) -> Read:
        """The posts of all communities that a search finds since then, or its newest page.

        A source that does not search all of Reddit is asked for the newest posts of all: a sample, whose gaps are told.
        """
        age = 0 if since is None else self._clock() - since
        wide: TimeFilter = "all" if since else "week"
        window = next((name for seconds, name in _WINDOWS if since and age < seconds), wide)
        try:
            return await _pages(
                lambda after: self._reddit.search(query, "all", "new", window, PAGE, after), since, SEARCHED
            )
        except Unavailable as refusal:
            if refusal.data.get("reason") != "not_offered_by_source":
                raise
        return await _pages(lambda after: self._reddit.posts("all", "new", "all", PAGE, after), since, SAMPLED)

    async def again(self, ids: Sequence[str]) -> tuple[Post, ...]:
        """These posts as they are now; those gone are left out."""
        _begin()
        found: list[Post] = []
        for start in range(0, len(ids), PAGE):
            names = ",".join(f"t3_{post_id}" for post_id in ids[start : start + PAGE])
            found += _posts(await self._reddit.info(names, "posts of a watch"))
        return tuple(found)


def merged(reads: Sequence[Read]) -> Read:
    """All of them as one; it reaches back as far as each of them does."""
    posts = {post.id: post for read in reads for post in read.posts}
    reached = [read.reached for read in reads if read.reached is not None]
    newest = [read.newest for read in reads if read.newest is not None]
    unreadable = frozenset(name for read in reads for name in read.unreadable)
    return Read(tuple(posts.values()), max(reached, default=None), min(newest, default=None), unreadable)


async def _pages(ask: Callable[[str], Awaitable[Answer[Listing]]], since: float | None, most: int) -> Read:
    """Page on until the posts are older than `since`, or there are no more."""
    posts: list[Post] = []
    after, pages = "", most // PAGE + bool(most % PAGE)
    for number in range(1, pages + 1):
        answer = await ask(after)
        page, after = _posts(answer), answer.value.after or ""
        posts += page
        newest = answer.archive[1] if answer.archive else None
        oldest = min((post.created_utc for post in page if post.created_utc is not None), default=0)
        if since is None or oldest < since or (not after and number < pages):
            return Read(tuple(posts), None, newest)
    return Read(tuple(posts), oldest, newest)


def _posts(answer: Answer[Listing]) -> list[Post]:
    return [item for item in answer.value.items if isinstance(item, Post)]


def _begin() -> None:
    """From now on Reddit has to answer within the time of one reading."""
    deadline.set(asyncio.get_running_loop().time() + READ_SECONDS)
