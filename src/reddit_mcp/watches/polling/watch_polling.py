"""The checks of watches: those that are due are checked together."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.errors import Failure
from reddit_mcp.models import Gap, Match, Post, Watch
from reddit_mcp.observability import metrics
from reddit_mcp.storage.watches.poll_records import Due, Outcome, PollRecords
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.source import Priority
from reddit_mcp.watches.background_jobs import BackgroundJobs
from reddit_mcp.watches.polling.community_baselines import CommunityBaselines
from reddit_mcp.watches.polling.feed_reader import FeedReader, Read, merged
from reddit_mcp.watches.polling.keyword_matching import Keywords
from reddit_mcp.watches.polling.match_evaluation import MatchEvaluator, View, to_look_at
from reddit_mcp.watches.polling.poll_grouping import Reading, communities, is_for, left_out, readings
from reddit_mcp.watches.ports import Clock, Delivery

_log = logging.getLogger(__name__)

JOB = "poll"

MOST_DUE = 1000
"""Watches in one poll; those beyond follow at once."""

MOST_AGAIN = 300
"""Candidates looked at again in one poll: three requests."""

AT_ONCE = 4
"""Readings at the same time."""

START_SECONDS = 120.0
"""How long a poll begins new readings; on a short budget the rest is left to the next poll, the oldest first."""

RETRY_SECONDS = 60
"""When a watch is checked again whose posts could not be read."""

Hit = tuple[Post, frozenset[str]]


@dataclass(slots=True)
class Round:
    """What one poll has read: for each watch, by its id; which watches went without, and which are left for now."""

    reads: dict[str, list[Read]] = field(default_factory=lambda: defaultdict(list))
    failed: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)

    @property
    def posts(self) -> dict[str, Post]:
        """All posts by id."""
        return {post.id: post for reads in self.reads.values() for read in reads for post in read.posts}


class WatchPolling:
    """Checks all watches that are due, and plans the next poll.

    Args:
        reddit: asked at normal priority, behind people who wait.
        polls: what is remembered between polls.
        jobs: run the polls.
        delivery: is told of matches.
        sentiment: scores them.
        view: shows their posts.
        clock: the time.
    """

    def __init__(
        self,
        reddit: Reddit,
        polls: PollRecords,
        jobs: BackgroundJobs,
        delivery: Delivery,
        sentiment: SentimentAnalyzer,
        view: View,
        clock: Clock,
    ) -> None:
        self._reader = FeedReader(reddit.at(Priority.NORMAL, fresh=True), clock.now)
        self._reddit = reddit.at(Priority.NORMAL)
        self._polls = polls
        self._jobs = jobs
        self._delivery = delivery
        self._sentiment = sentiment
        self._view = view
        self._clock = clock
        jobs.handle(JOB, self.poll, standing=True)

    async def soon(self) -> None:
        """Have due watches checked at once, such as a new one; without this they are within a minute.

        Raises:
            Unavailable: Redis is away.
        """
        await self._jobs.enqueue(JOB, JOB, {})

    async def poll(self, _payload: Mapping[str, Any] | None = None) -> None:
        """Check who is due; it may be repeated, or run twice at once, and then neither loses nor doubles anything."""
        started = self._clock.now()
        if due := await self._polls.due(started, MOST_DUE):
            _note_lag(due, started)
            await self._check(due, await self._read(due, started), started)
        if (next_due := await self._polls.next_due()) is not None:
            await self._jobs.enqueue(JOB, JOB, {}, max(next_due, self._clock.now() + 1))

    async def _read(self, due: Sequence[Due], started: float) -> Round:
        found, gate = Round(), asyncio.Semaphore(AT_ONCE)
        loop = asyncio.get_running_loop()
        until = loop.time() + START_SECONDS

        async def one(reading: Reading) -> None:
            async with gate:
                if loop.time() > until:
                    found.left.update(reading.watches)
                    return
                try:
                    read = await self._reader.read(reading)
                except Failure as failure:
                    _log.info("posts for %d watches cannot be read now: %s", len(reading.watches), failure)
                    found.failed.update(reading.watches)
                    return
            for watch_id in reading.watches:
                found.reads[watch_id].append(read)

        await asyncio.gather(*map(one, readings(due, started)))
        return found

    async def _check(self, due: Sequence[Due], found: Round, started: float) -> None:
        readable = [each for each in due if each.watch.watch_id not in found.failed | found.left]
        posts = found.posts
        again, asked = await self._again(readable, posts, started)
        posts |= again
        looked_at = posts.keys() | asked
        hits = await _hits(readable, posts.values())
        judge = MatchEvaluator(
            self._sentiment, self._view, CommunityBaselines(self._reddit, self._polls, self._clock).of
        )
        for each in readable:
            read = merged(found.reads[each.watch.watch_id])
            if not await self._settled(each, _outcome(each, read, hits, looked_at, judge, started)):
                found.failed.add(each.watch.watch_id)
        for each in due:
            if each.watch.watch_id in found.failed - found.left:
                await self._polls.put_off(each, _next_minute(self._clock.now()))

    async def _again(
        self, due: Sequence[Due], read: Mapping[str, Post], now: float
    ) -> tuple[dict[str, Post], set[str]]:
        """The candidates whose time has come and that were not read anyway, as they are now; and who was asked for."""
        ids = dict.fromkeys(name for each in due for name in to_look_at(each.candidates, read.keys(), now))
        asked = tuple(ids)[:MOST_AGAIN]
        try:
            posts = await self._reader.again(asked)
        except Failure as failure:
            _log.info("candidates cannot be read now: %s", failure)
            return {}, set()
        return {post.id: post for post in posts}, set(asked)

    async def _settled(self, due: Due, outcome: Awaitable[Outcome]) -> bool:
        """Whether the check of a watch could be ended; a fault of one must not hold up the others."""
        try:
            await self._settle(due, await outcome)
        except Failure:
            raise
        except Exception:  # noqa: BLE001 - whatever it is
            _log.exception("a watch cannot be checked; it is tried again within a minute")
            return False
        return True

    async def _settle(self, due: Due, outcome: Outcome) -> None:
        """Store, tell, and only then plan the next check: whatever breaks between them is made up for by a repeat."""
        waiting = await self._polls.store(due, outcome)
        if waiting:
            await self._tell(due.watch, waiting)
        if waiting is not None:
            await self._polls.plan(due.watch, outcome.next_check)

    async def _tell(self, watch: Watch, waiting: Sequence[Match]) -> None:
        try:
            await self._delivery.matched(watch, waiting)
            await self._polls.told(watch, waiting)
        except Exception:  # noqa: BLE001 - one receiver must not hold up the others
            _log.exception("matches could not be handed on; they are again at the next check")


async def _hits(due: Sequence[Due], posts: Iterable[Post]) -> list[Hit]:
    """The posts in which a keyword of any watch stands; it pauses between them, for others to work."""
    keywords, hits = Keywords(keyword for each in due for keyword in each.watch.keywords), []
    for post in posts:
        if found := keywords.found(post):
            hits.append((post, found))
        await asyncio.sleep(0)
    return hits


async def _outcome(
    due: Due, read: Read, hits: Sequence[Hit], looked_at: Collection[str], judge: MatchEvaluator, started: float
) -> Outcome:
    """What the check of one watch comes to; a candidate that was looked at stays one only if it is judged so again."""
    watch = due.watch
    waiting = {name: each for name, each in due.candidates.items() if each.post_id not in looked_at}
    mine = [
        (post, keyword)
        for post, found in hits
        if (keyword := next((word for word in watch.keywords if word in found), None)) and is_for(due, post)
    ]
    now = started if read.newest is None else float(read.newest)
    verdict = await judge.judge(watch, mine, waiting, now, started)
    return Outcome(
        checked=started,
        next_check=next_check(watch, started),
        seen_to=now,
        found=verdict.found,
        candidates=verdict.candidates,
        gap=_gap(due, read) or watch.gap,
        unreadable=_unreadable(due, read, started, now),
    )


def _unreadable(due: Due, read: Read, started: float, now: float) -> dict[str, float]:
    """The watch's communities that Reddit does not show, each with the time up to which its posts were seen."""
    closed = (read.unreadable | left_out(due, started)) & (communities(due.watch) or frozenset())
    return {name: due.unreadable.get(name, now if due.seen_to is None else due.seen_to) for name in closed}


def next_check(watch: Watch, now: float) -> int:
    """The next multiple of the interval, so that watches of one interval are due together."""
    seconds = watch.check_interval * 60
    return (int(now) // seconds + 1) * seconds


def _note_lag(due: Sequence[Due], now: float) -> None:
    for each in due:
        if each.watch.next_check_utc:
            metrics.observe(metrics.WATCH_LAG, max(0.0, now - each.watch.next_check_utc))


def _next_minute(now: float) -> int:
    return (int(now) // RETRY_SECONDS + 1) * RETRY_SECONDS


def _gap(due: Due, read: Read) -> Gap | None:
    """What lies between the last check and the oldest post that could be read."""
    if due.seen_to is None or read.reached is None:
        return None
    seen_to = min(due.seen_to, *due.unreadable.values()) if due.unreadable else due.seen_to
    return None if read.reached <= seen_to else Gap(from_utc=int(seen_to), to_utc=read.reached)
