"""analyze_sentiment: the mood of posts and comments."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from reddit_mcp.analysis.sentiment import (
    CONFIDENCE_MEANING,
    Scored,
    SentimentAnalyzer,
    most_negative,
    most_positive,
    summarize,
)
from reddit_mcp.analysis.text import cut
from reddit_mcp.analysis.themes import key_themes
from reddit_mcp.models import Comment, Post
from reddit_mcp.reddit import names
from reddit_mcp.reddit.client import TimeFilter as Window
from reddit_mcp.reddit.door import not_found
from reddit_mcp.tools import _schema
from reddit_mcp.tools._invalid import checked
from reddit_mcp.tools._tool import Call, Json, tool
from reddit_mcp.tools._types import TimeFilter, clean, harmless
from reddit_mcp.tools._view import LONGEST_TEXT

Items = Sequence[Post | Comment]
ContentType = Annotated[
    Literal["post", "comment", "thread", "search_results", "subreddit", "user"],
    Field(description="What content_id names; thread is a post with its comments"),
]
ContentId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        description="Post or comment id or address, search words, community or user name",
    ),
    BeforeValidator(clean),
]
Limit = Annotated[int, Field(ge=1, le=100, description="How many posts or comments to read")]
SECONDS = {"hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000, "year": 31_536_000}


@tool(
    title="Analyze sentiment",
    output={
        "overall_sentiment": {
            "type": "object",
            "description": f"score (-1 to 1), label, distribution (shares), confidence: {CONFIDENCE_MEANING}",
        },
        "analyzed_items": {"type": "integer", "description": "Posts and comments that had text to read"},
        "key_themes": _schema.ITEMS,
        "most_positive": _schema.ITEMS,
        "most_negative": _schema.ITEMS,
    },
)
async def analyze_sentiment(
    call: Call,
    content_type: ContentType,
    content_id: ContentId,
    time_filter: TimeFilter = "week",
    limit: Limit = 100,
) -> Json:
    """Measure the mood of a post, a comment, a thread, search results, a community or a user (VADER, English).

    time_filter counts for search_results, subreddit (its top posts) and user.
    """
    items = await READERS[content_type](call, content_id, time_filter, limit)
    if not items:
        call.notice = "Nothing to read was found; try a longer time_filter."
    return await asyncio.to_thread(_report, call.services.sentiment, items)


def _report(analyzer: SentimentAnalyzer, items: Items) -> Json:
    scored = analyzer.read(items)
    return {
        "overall_sentiment": summarize(scored).model_dump(),
        "analyzed_items": len(scored),
        "key_themes": [theme.model_dump() for theme in key_themes(scored)],
        "most_positive": [_quoted(item) for item in most_positive(scored)],
        "most_negative": [_quoted(item) for item in most_negative(scored)],
    }


def _quoted(item: Scored) -> Json:
    text, was_cut = cut(item.text, LONGEST_TEXT)
    quoted = {"id": item.id, "text": text, "score": item.score, "permalink": item.permalink}
    return {**quoted, "truncated": True} if was_cut else quoted


async def _post(call: Call, content_id: str, _window: Window, _limit: int) -> Items:
    post, _ = checked(names.post, "content_id", content_id, names.POST_RULE)
    return await _one(call, f"t3_{post}", f"post {post}")


async def _thread(call: Call, content_id: str, _window: Window, limit: int) -> Items:
    post, focus = checked(names.post, "content_id", content_id, names.POST_RULE)
    thread = call.take(await call.services.reddit.thread(post, limit=limit, comment_id=focus))
    items: list[Post | Comment] = [thread.post, *thread.comments]
    return items[:limit]


async def _comment(call: Call, content_id: str, _window: Window, _limit: int) -> Items:
    comment = checked(names.comment, "content_id", content_id, names.COMMENT_RULE)
    return await _one(call, f"t1_{comment}", f"comment {comment}")


async def _one(call: Call, fullname: str, resource: str) -> Items:
    """One thing; a page that brought it lately answers without a request."""
    found = call.take(await call.services.reddit.info(fullname, resource)).items
    if not found:
        raise not_found(resource)
    return found[:1]


async def _search(call: Call, content_id: str, window: Window, limit: int) -> Items:
    words = checked(harmless, "content_id", content_id, "search words")
    return call.take(await call.services.reddit.search(words, "all", "relevance", window, limit)).items[:limit]


async def _subreddit(call: Call, content_id: str, window: Window, limit: int) -> Items:
    community = checked(names.communities, "content_id", content_id, names.COMMUNITY_RULE)
    return call.take(await call.services.reddit.posts(community, "top", window, limit)).items[:limit]


async def _user(call: Call, content_id: str, window: Window, limit: int) -> Items:
    name = checked(names.user, "content_id", content_id, names.USER_RULE)
    history = call.take(await call.services.reddit.history(name, "overview", limit)).items[:limit]
    oldest = call.now - SECONDS[window] if window in SECONDS else 0
    return [item for item in history if (item.created_utc or 0) >= oldest]


READERS: dict[str, Callable[[Call, str, Window, int], Awaitable[Items]]] = {
    "post": _post,
    "comment": _comment,
    "thread": _thread,
    "search_results": _search,
    "subreddit": _subreddit,
    "user": _user,
}
