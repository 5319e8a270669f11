"""Searches: which requests a query becomes, and the page of results."""

from dataclasses import dataclass, replace

from reddit_mcp.upstream.arctic_shift import refusal_sentences
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Asking
from reddit_mcp.upstream.arctic_shift.client.arctic_failures import not_offered
from reddit_mcp.upstream.arctic_shift.client.arctic_pages import Feed, Pager
from reddit_mcp.upstream.arctic_shift.client.time_span import Span
from reddit_mcp.upstream.arctic_shift.questions.community_questions import communities
from reddit_mcp.upstream.arctic_shift.questions.keyword_query import Keywords, parse

SHORTEST_ADDRESS, LONGEST_ADDRESS = 14, 500
"""Characters of an address that it looks for."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search, ready to be asked."""

    pager: Pager
    said: str | None = None


def posts(asking: Asking, query: str, names: str, span: Span, now: int) -> Search:
    """A search of posts within communities (`a+b`, or `all`).

    Raises:
        Unavailable: it cannot be asked so, reason `not_offered_by_source`.
    """
    found = parse(query)
    if found.words and not _scoped(found, names):
        raise not_offered(
            "Arctic Shift searches words only within a community or an author: name a community (subreddit), "
            "several (a+b), or an author (author:name)."
        )
    base = Feed("t3", {**found.words, **found.flags, **_author(found)}, words=bool(found.words))
    feeds = [_with(feed, url=prefix) for feed in _within(base, found, names) for prefix in _prefixes(found)]
    said = (
        refusal_sentences.PREFIX.format(site=found.address.removeprefix("www.")) if len(found.prefixes()) > 1 else None
    )
    return Search(Pager(asking, feeds, span, now, found.keeps), said)


def comments(asking: Asking, query: str, names: str, span: Span, now: int, link: str = "") -> Search:
    """A search of comments within communities, by an author, or (`link`, a post's id) in one thread.

    Arctic Shift takes quotes, OR and - in comments itself.

    Raises:
        Unavailable: it cannot be asked so, reason `not_offered_by_source`.
    """
    found, body = _comment_words(query)
    if body and not link and not _scoped(found, names):
        raise not_offered(
            "Arctic Shift searches comments only within a community, an author or a thread: name a community "
            "(subreddit), several (a+b), or an author (author:name)."
        )
    params = _author(found) | ({"body": body} if body else {}) | ({"link_id": link} if link else {})
    feeds = _within(Feed("t1", params, words=bool(body)), found, "all" if link else names)
    return Search(Pager(asking, feeds, span, now))


def _comment_words(query: str) -> tuple[Keywords, str]:
    """Who and where from the fields of a query; all else is what the body must hold."""
    words: list[str] = []
    fields: list[str] = []
    for word in query.split():
        target = fields if word.lower().startswith(("author:", "subreddit:")) else words
        target.append(word)
    return parse(" ".join(fields)), " ".join(words)


def _scoped(found: Keywords, names: str) -> bool:
    return bool(found.author or found.subreddit or communities(names))


def _author(found: Keywords) -> dict[str, str]:
    return {"author": found.author} if found.author else {}


def _within(feed: Feed, found: Keywords, names: str) -> list[Feed]:
    """One question for each community, for it takes one at a time."""
    asked = communities(names)
    if found.subreddit:
        if asked and found.subreddit.lower() not in (name.lower() for name in asked):
            raise not_offered("The query names another community than `subreddit` does; name it in one place only.")
        asked = [found.subreddit]
    return [_with(feed, subreddit=name) for name in asked] or [feed]


def _prefixes(found: Keywords) -> list[str]:
    prefixes = [each for each in found.prefixes() if SHORTEST_ADDRESS <= len(each) <= LONGEST_ADDRESS]
    if found.address and not prefixes:
        raise not_offered(
            f"Arctic Shift looks for addresses by their first {SHORTEST_ADDRESS} characters or more: give a longer one."
        )
    return prefixes or [""]


def _with(feed: Feed, **params: str) -> Feed:
    return replace(feed, params=feed.params | {name: value for name, value in params.items() if value})
