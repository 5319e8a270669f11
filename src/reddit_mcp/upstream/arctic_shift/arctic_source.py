"""The Source that answers from Arctic Shift: each question that tools put to Reddit, in Reddit's terms and shape."""

import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote

from reddit_mcp.errors import Failure
from reddit_mcp.models import Value
from reddit_mcp.upstream.arctic_shift import refusal_sentences
from reddit_mcp.upstream.arctic_shift.client import arctic_failures
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Api, Asking, Spend, free
from reddit_mcp.upstream.arctic_shift.questions import comment_threads, community_questions, user_questions
from reddit_mcp.upstream.arctic_shift.questions.community_listings import Listings, Told
from reddit_mcp.upstream.reddit_api.parsing import parse
from reddit_mcp.upstream.source import Answer, Query

T = TypeVar("T", bound=Value)


class ArcticShift:
    """Answers a Query from Arctic Shift.

    Args:
        api: its API.
        spend: awaited before each request of a query beyond the first, which the caller has paid for.
        clock: seconds since 1970.
    """

    def __init__(self, api: Api, spend: Spend = free, clock: Callable[[], float] = time.time) -> None:
        self._api = api
        self._spend = spend
        self._clock = clock

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask as many times as it takes; `calls` of the answer, or of the failure, says how often.

        Raises:
            Failure: not_found, rate_limited, unavailable (`not_offered_by_source` says what to ask instead),
                upstream_error or timeout.
        """
        asking = Asking(self._api, self._spend)
        try:
            payload, said = await _Question(asking, query, int(self._clock())).answer()
        except Failure as failure:
            failure.calls = asking.calls
            raise
        return Answer(parse(query.model, payload), calls=asking.calls, ttl=query.ttl, limits=said)


_ABOUT = {
    ("about",): community_questions.about,
    ("about", "rules"): community_questions.rules,
    ("wiki", "pages"): community_questions.wiki_index,
    ("about", "moderators"): community_questions.missing,
    ("api", "link_flair_v2"): community_questions.missing,
}
"""What is asked about one community, by the path below it."""


class _Question:
    """One query, taken apart along its path."""

    def __init__(self, asking: Asking, query: Query[T], now: int) -> None:
        self._asking = asking
        self._resource = query.resource
        self._given = dict(query.params)
        self._pieces = [unquote(piece) for piece in query.path.strip("/").split("/")]
        self._listings = Listings(asking, now, self._given, query.resource)

    async def answer(self) -> Told:
        """Reddit's JSON, and what to say of it."""
        match self._pieces:
            case ["r", names, "search"]:
                return await self._search(names)
            case ["r", names, ("hot" | "new" | "top" | "rising" | "controversial" | "best") as sort]:
                return await self._listings.community(names, sort)
            case ["comments", post] | ["comments", post, "_"]:
                return await comment_threads.thread(self._asking, post, "", self._given, self._resource), None
            case ["comments", post, _, comment]:
                return await comment_threads.thread(self._asking, post, comment, self._given, self._resource), None
            case ["user", name, "about"]:
                return await user_questions.about(self._asking, name, self._resource), refusal_sentences.NO_KARMA
            case ["user", name, ("overview" | "submitted" | "comments") as what]:
                return await self._listings.history(name, what)
            case ["subreddits", "search"]:
                return await community_questions.search(self._asking, self._given)
            case ["r", name, *part] if tuple(part) in _ABOUT:
                return await _ABOUT[tuple(part)](self._asking, name, self._resource), None
        return await self._by_name(), None

    async def _search(self, names: str) -> Told:
        query, sort = self._given.get("q", ""), self._given.get("sort", "relevance")
        if self._given.get("type") == "comment":
            return await self._listings.comments(names, query)
        return await self._listings.search(names, query, sort)

    async def _by_name(self) -> comment_threads.Json:
        match self._pieces:
            case ["api", "info"]:
                return await user_questions.info(self._asking, self._given.get("id", ""))
            case ["api", "morechildren"]:
                return await comment_threads.more(self._asking, self._given)
            case ["api", "search_reddit_names"]:
                adult = self._given.get("include_over_18") != "false"
                return await community_questions.completions(self._asking, self._given.get("query", ""), adult=adult)
        raise arctic_failures.not_offered("Arctic Shift, the archive that answers here, has nothing of this kind.")
