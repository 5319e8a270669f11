"""What the tests of watches share: a clock set by hand, a Reddit that grows, and somebody who is told of matches."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.errors import Failure, NotFound
from reddit_mcp.models import Listing, Match, Post, Value, Watch
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.watches.poll_records import PollRecords
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.tools.results.compact_view import concise_post
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.source import Answer, Query
from reddit_mcp.watches.background_jobs import BackgroundJobs
from reddit_mcp.watches.polling.watch_polling import WatchPolling
from reddit_mcp.watches.ports import Delivery
from tests.support.redis_store import a_watch

T = TypeVar("T", bound=Value)
NOW = 1_700_000_400
"""A moment that is a multiple of five minutes."""


class ManualClock:
    def __init__(self, now: float = NOW) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


class GrowingReddit:
    """A Source: posts of communities, newest first, a thousand at most, as Reddit lists them."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.queries: list[Query[Any]] = []
        self.failure: Callable[[Query[Any]], Failure | None] = lambda _query: None
        self.missing: set[str] = set()
        self.archive: tuple[int, int] | None = None
        self.listed = 1000

    def add(self, number: int | str, title: str, created: float, community: str = "python", **fields: Any) -> Post:
        post = Post(id=f"p{number}", title=title, subreddit=community, created_utc=int(created), **fields)
        self.posts.append(post)
        return post

    def change(self, post: Post, **fields: Any) -> None:
        self.posts[self.posts.index(post)] = post.model_copy(update=fields)

    async def fetch(self, query: Query[T]) -> Answer[T]:
        self.queries.append(query)
        if failure := self.failure(query):
            raise failure
        found = self._found(query)
        params = dict(query.params)
        start = next((i + 1 for i, post in enumerate(found) if post.id == params.get("after")), 0)
        end = start + int(params.get("limit", 100))
        after = found[end - 1].id if end < len(found) else None
        return Answer(cast("T", Listing(items=tuple(found[start:end]), after=after)), calls=1, archive=self.archive)

    def _found(self, query: Query[Any]) -> list[Post]:
        params = dict(query.params)
        if query.path == "/api/info":
            return [post for post in self.posts if f"t3_{post.id}" in params["id"].split(",")]
        newest = sorted(self.posts, key=lambda post: -(post.created_utc or 0))
        if query.kind == "search":
            phrases = re.findall('"([^"]+)"', params["q"])
            return [post for post in newest if any(each in post.title.lower() for each in phrases)][:250]
        names = set(query.path.split("/")[2].split("+"))
        if names & self.missing:
            raise NotFound("no such community")
        return [post for post in newest if post.subreddit.lower() in names][: self.listed]

    @property
    def paths(self) -> list[str]:
        return [query.path for query in self.queries]


class Told:
    """A delivery that remembers."""

    def __init__(self) -> None:
        self.matches: list[Match] = []
        self.failure: Exception | None = None

    async def matched(self, watch: Watch, matches: Sequence[Match]) -> None:
        assert matches
        assert all(match.watch_id == watch.watch_id for match in matches)
        if self.failure:
            raise self.failure
        self.matches += matches


class House:
    """Everything that checks watches, on one store."""

    def __init__(self, store: Store, reddit: GrowingReddit, clock: ManualClock, delivery: Delivery) -> None:
        self.store, self.reddit, self.clock = store, reddit, clock
        self.watches, self.polls = WatchStore(store), PollRecords(store)
        self.jobs = BackgroundJobs(store, clock)
        self.polling = WatchPolling(
            Reddit(reddit), self.polls, self.jobs, delivery, SentimentAnalyzer(), concise_post, clock
        )

    async def watch(self, *keywords: str, owner: str = "ada", **fields: Any) -> Watch:
        now = int(self.clock.now())
        defaults: dict[str, Any] = {"alert_threshold": "any", "subreddits": ("python",), "check_interval": 5}
        watch = a_watch(owner, keywords=keywords, created_utc=now, next_check_utc=now, **(defaults | fields))
        await self.watches.create(watch, limit=1000)
        return watch

    async def found(self, watch: Watch) -> list[str]:
        """The ids of the posts that were matched, the newest match first."""
        page = await self.watches.matches(watch.owner, watch.watch_id, limit=1000)
        return [match.post["id"] for match in page.matches]

    async def after(self, minutes: float) -> None:
        """Poll when so much time has passed."""
        self.clock.time += minutes * 60
        await self.polling.poll()


@asynccontextmanager
async def house(store: Store, delivery: Delivery | None = None) -> AsyncIterator[House]:
    async with store:
        yield House(store, GrowingReddit(), ManualClock(), delivery or Told())
