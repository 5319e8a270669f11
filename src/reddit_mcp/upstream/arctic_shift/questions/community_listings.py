"""Listings of communities and accounts."""

from collections.abc import Sequence
from typing import Any

from reddit_mcp.archive.http_api import reddit_json
from reddit_mcp.upstream.arctic_shift import refusal_sentences
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Asking
from reddit_mcp.upstream.arctic_shift.client.arctic_pages import PATHS, Feed, Pager
from reddit_mcp.upstream.arctic_shift.client.page_cursor import Position, Rank, position, rank, unknown
from reddit_mcp.upstream.arctic_shift.client.time_span import Span, period
from reddit_mcp.upstream.arctic_shift.questions import community_questions, post_search, ranked_listing, user_questions
from reddit_mcp.upstream.arctic_shift.questions.arctic_things import Item, items

Json = Any
Told = tuple[Json, str | None]
"""Reddit's JSON, and what to say of it."""

_SCORES = {
    "top": ranked_listing.top,
    "controversial": ranked_listing.controversial,
    "comments": ranked_listing.comments,
}
_KINDS = {"overview": ("t3", "t1"), "submitted": ("t3",), "comments": ("t1",)}


class Listings:
    """The listings that one query asks for.

    Args:
        now: seconds since 1970.
        given: the query's parameters: limit, after, t, and since and until in seconds for a range of time.
    """

    def __init__(self, asking: Asking, now: int, given: dict[str, str], resource: str) -> None:
        self._asking = asking
        self._now = now
        self._given = given
        self._resource = resource
        self._limit = max(1, min(100, _number(given.get("limit")) or 25))

    async def community(self, names: str, sort: str) -> Told:
        """Posts of communities, or of all."""
        known = community_questions.communities(names)
        feeds = [Feed("t3", {"subreddit": name}) for name in known] or [Feed("t3")]
        if sort in _SCORES:
            told = await self._ranked(Pager(self._asking, feeds, self._span(), self._now), sort)
        else:
            order = None if sort == "new" else refusal_sentences.NO_ORDER.format(order=sort)
            told = await self._newest(Pager(self._asking, feeds, self._span(whole=True), self._now), order)
        await self._look_up(known, told)
        whole_reddit = None if known else refusal_sentences.WHOLE_REDDIT
        return told[0], refusal_sentences.joined(whole_reddit, told[1])

    async def search(self, names: str, query: str, sort: str) -> Told:
        """Posts that have words."""
        found = post_search.posts(self._asking, query, names, self._span(), self._now)
        if sort in _SCORES:
            payload, said = await self._ranked(found.pager, sort)
        else:
            order = {"new": None, "relevance": refusal_sentences.NO_RELEVANCE}.get(
                sort, refusal_sentences.NO_ORDER.format(order=sort)
            )
            payload, said = await self._newest(found.pager, order)
        await self._look_up(community_questions.communities(names), (payload, said))
        return payload, refusal_sentences.joined(found.said, said)

    async def comments(self, names: str, query: str, link: str = "") -> Told:
        """Comments that have words, each with its post's title."""
        found = post_search.comments(self._asking, query, names, self._span(), self._now, link)
        order = None if self._given.get("sort") == "new" else refusal_sentences.NO_COMMENT_ORDER
        payload, said = await self._newest(found.pager, order)
        await user_questions.title(self._asking, [child["data"] for child in payload["data"]["children"]])
        return payload, said

    async def history(self, name: str, what: str) -> Told:
        """What an account posted, newest first."""
        feeds = [Feed(kind, {"author": name}) for kind in _KINDS[what]]
        told = await self._newest(Pager(self._asking, feeds, self._span(whole=True), self._now), None)
        if not _children(told) and not self._given.get("after"):
            await user_questions.about(self._asking, name, self._resource)
        return told

    async def _look_up(self, known: Sequence[str], told: Told) -> None:
        """Where one community shows nothing, see whether there is one: both look alike."""
        if len(known) == 1 and not _children(told) and not self._given.get("after"):
            await community_questions.about(self._asking, known[0], self._resource)

    def _span(self, *, whole: bool = False) -> Span:
        since, until = _number(self._given.get("since")), _number(self._given.get("until"))
        if since is not None or until is not None or whole:
            return Span(since, until)
        started = rank(self._given.get("after", ""))
        return period(self._given.get("t", "all"), started.until if started else self._now)

    async def _newest(self, pager: Pager, said: str | None) -> Told:
        page = await pager.page(await self._position(), self._limit)
        after = page.next.cursor if page.next else None
        return _listing(page.items, after), refusal_sentences.joined(said, ranked_listing.shortened(page.days))

    async def _ranked(self, pager: Pager, sort: str) -> Told:
        start = self._rank()
        span = Span(pager.span.since, min(pager.span.until or start.until, start.until))
        found, said = await ranked_listing.ranked(
            Pager(pager.asking, pager.feeds, span, self._now, pager.keep), _SCORES[sort]
        )
        end = start.offset + self._limit
        after = Rank(start.until, end).cursor if end < len(found) else None
        return _listing(found[start.offset : end], after), said

    def _rank(self) -> Rank:
        cursor = self._given.get("after", "")
        found = rank(cursor) if cursor else Rank(self._now + 1, 0)
        if found is None:
            raise unknown()
        return found

    async def _position(self) -> Position | None:
        """Where the page begins; a fullname, Reddit's own kind of cursor, is looked up."""
        cursor = self._given.get("after", "")
        found = position(cursor) if cursor else None
        if found or not cursor:
            return found
        kind = cursor.partition("_")[0]
        if kind not in PATHS:
            raise unknown()
        path = PATHS[kind].replace("/search", "/ids")
        for item in items(kind, await self._asking.rows(path, ids=cursor.partition("_")[2])):
            return Position(item.created, frozenset([item.fullname]))
        raise unknown()


def _listing(found: Sequence[Item], after: str | None) -> Json:
    return reddit_json.listing([item.wire() for item in found], after)


def _children(told: Told) -> bool:
    return bool(told[0]["data"]["children"]) or told[0]["data"]["after"] is not None


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) <= 12 else None  # noqa: PLR2004 - a time, or less
