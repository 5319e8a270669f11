"""What Arctic Shift can be asked beyond what Reddit's API offers."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from reddit_mcp.archive.sqlite.raw_fields import text, whole
from reddit_mcp.models import Listing
from reddit_mcp.upstream.arctic_shift.client import arctic_failures
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Api, Asking, Spend, free
from reddit_mcp.upstream.arctic_shift.client.arctic_failures import Refused
from reddit_mcp.upstream.arctic_shift.client.arctic_pages import Feed
from reddit_mcp.upstream.arctic_shift.client.time_span import Span
from reddit_mcp.upstream.arctic_shift.questions import community_questions
from reddit_mcp.upstream.arctic_shift.questions.community_listings import Listings
from reddit_mcp.upstream.arctic_shift.range_walk import Walk
from reddit_mcp.upstream.reddit_api.parsing import parse
from reddit_mcp.upstream.source import Answer

Kind = Literal["t3", "t1"]
_INTERACTIONS = "/api/users/interactions/subreddits"
_MOST_LINKS = 1_000


class ArcticReach:
    """Further questions; each of their requests takes a token.

    Args:
        spend: awaited before every request.
    """

    def __init__(self, api: Api, spend: Spend = free, clock: Callable[[], float] = time.time) -> None:
        self._api = api
        self._spend = spend
        self._clock = clock

    async def comments(
        self,
        query: str,
        names: str = "all",
        *,
        link: str = "",
        span: Span | None = None,
        limit: int = 25,
        after: str = "",
    ) -> Answer[Listing]:
        """Comments that have words, within communities (`a+b`), by `author:name` in the query, or in one thread.

        Raises:
            Unavailable: no scope is named, or one that is too active; reason `not_offered_by_source`.
        """
        asking, span = self._asking(), span or Span()
        given = {"limit": str(limit), "after": after, "since": str(span.since or ""), "until": str(span.until or "")}
        payload, said = await Listings(asking, self._now(), given, f"community r/{names}").comments(names, query, link)
        return Answer(parse(Listing, payload), calls=asking.calls, limits=said)

    async def communities(self, prefix: str, limit: int = 25) -> list[dict[str, Any]]:
        """Communities whose names begin so, the largest first, in the shape of Reddit's t5."""
        return await community_questions.starting(self._asking(), prefix, limit)

    async def activity(self, name: str, span: Span | None = None) -> list[tuple[str, int]]:
        """In which communities an account was active, and how many posts and comments it made there, most first.

        A very active account is counted over a shorter time, if at all.
        """
        asking, span = self._asking(), span or Span()
        try:
            rows = await asking.rows_once(_INTERACTIONS, author=name, **span.params())
        except Refused:
            rows = await self._narrower(asking, name, span)
        counts: dict[str, int] = {}
        for row in rows:
            place, count = text(row.get("subreddit")), whole(row.get("count"))
            if place and count and count > 0:
                counts[place] = counts.get(place, 0) + count
        return sorted(counts.items(), key=lambda each: (-each[1], each[0]))

    async def resolve(self, paths: Sequence[str]) -> dict[str, str]:
        """Share links (`/r/name/s/ABC`, case counts) and the paths they stand for; unknown ones are missing."""
        asked = list(dict.fromkeys(paths))[:_MOST_LINKS]
        rows = await self._asking().rows("/api/short_links", paths=",".join(asked)) if asked else []
        found = {}
        for row in rows:
            target = text(row.get("resolved_path"))
            path = text(row.get("path")) or (asked[0] if len(asked) == 1 else "")
            if target.startswith("/") and path in asked:
                found[path] = target
        return found

    def walk(self, kind: Kind, community: str, span: Span, seen: frozenset[str] = frozenset()) -> Walk:
        """Every post (t3) or comment (t1) of a community in a stretch of time, oldest first, each once."""
        return Walk(self._asking(), Feed(kind, {"subreddit": community}), span, seen)

    async def alive(self) -> bool:
        """Whether it answers, within two seconds."""
        return await self._api.alive()

    async def _narrower(self, asking: Asking, name: str, span: Span) -> list[dict[str, Any]]:
        narrow = span.narrower(self._now())[0]
        try:
            return await asking.rows_once(_INTERACTIONS, author=name, **narrow.params())
        except Refused as refused:
            raise arctic_failures.overloaded(refused.status) from refused

    def _asking(self) -> Asking:
        return Asking(self._api, self._spend, paid=0)

    def _now(self) -> int:
        return int(self._clock())
