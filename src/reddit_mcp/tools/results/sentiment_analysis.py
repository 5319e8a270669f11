"""The mood of things on Reddit: the question, and how its answer is found."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import cast

from reddit_mcp.analysis.prose import cut
from reddit_mcp.analysis.sentiment import (
    Overall,
    Scored,
    SentimentAnalyzer,
    most_negative,
    most_positive,
    summarize,
    without_copies,
)
from reddit_mcp.analysis.sentiment_model import MODEL
from reddit_mcp.analysis.themes import Theme, key_themes
from reddit_mcp.models import Comment, Post, Value
from reddit_mcp.tools.results.answer_parts import Parts
from reddit_mcp.tools.results.compact_view import LONGEST_TEXT
from reddit_mcp.upstream.client import TTL, TimeFilter, communities
from reddit_mcp.upstream.reddit_api.response_errors import not_found
from reddit_mcp.upstream.source import Query

Items = Sequence[Post | Comment]
Asked = Mapping[str, str]
SECONDS = {"hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000, "year": 31_536_000}


class Quote(Value):
    """The beginning of a text, and its sentiment."""

    id: str
    text: str
    score: float
    vader_compound: float
    permalink: str
    truncated: bool = False


class Languages(Value):
    """How many items were scored, and how many skipped because they are not in English."""

    scored: int
    skipped: int


class SentimentReport(Value):
    """The sentiment of many items; `found` counts those without text too."""

    found: int
    analyzed_items: int
    model: str
    languages: Languages
    overall_sentiment: Overall
    key_themes: tuple[Theme, ...]
    most_positive: tuple[Quote, ...]
    most_negative: tuple[Quote, ...]


def question(content_type: str, content_id: str, time_filter: str, limit: int) -> Query[SentimentReport]:
    """Ask for the mood of a thing by its id or name, a thread's as `post` or `post/comment`, or of a search."""
    tags = {"subreddit": communities(content_id), "user": (f"user:{content_id}",)}
    one = content_type in ("post", "comment")
    asked = {
        "content": content_id,
        "limit": "" if one else str(limit),
        "time": "" if one or content_type == "thread" else time_filter,
        "type": content_type,
    }
    return Query(
        kind="sentiment",
        model=SentimentReport,
        resource=f"mood of {content_type} {content_id}",
        path=f"/sentiment/{content_type}",
        params=tuple(asked.items()),
        ttl=TTL["sentiment"],
        tags=tags.get(content_type, ()),
    )


async def find(parts: Parts, analyzer: SentimentAnalyzer, asked: Asked) -> SentimentReport:
    """Read whatever was asked for, and measure its mood."""
    items = await READERS[asked["type"]](parts, asked)
    return await asyncio.to_thread(_report, analyzer, items)


def _report(analyzer: SentimentAnalyzer, items: Items) -> SentimentReport:
    scored, skipped = analyzer.survey(items)
    distinct = without_copies(scored)
    quoted = partial(_quoted, analyzer)
    return SentimentReport(
        found=len(items),
        analyzed_items=len(scored),
        model=MODEL,
        languages=Languages(scored=len(scored), skipped=skipped),
        overall_sentiment=summarize(distinct),
        key_themes=tuple(key_themes(distinct)),
        most_positive=tuple(map(quoted, most_positive(distinct))),
        most_negative=tuple(map(quoted, most_negative(distinct))),
    )


def _quoted(analyzer: SentimentAnalyzer, item: Scored) -> Quote:
    text, truncated = cut(item.text, LONGEST_TEXT)
    return Quote(
        id=item.id,
        text=text,
        score=item.score,
        vader_compound=analyzer.compound(item.text),
        permalink=item.permalink,
        truncated=truncated,
    )


async def _post(parts: Parts, asked: Asked) -> Items:
    return await _one(parts, f"t3_{asked['content']}", f"post {asked['content']}")


async def _comment(parts: Parts, asked: Asked) -> Items:
    return await _one(parts, f"t1_{asked['content']}", f"comment {asked['content']}")


async def _one(parts: Parts, fullname: str, resource: str) -> Items:
    """One thing; a page that brought it lately answers without a request."""
    answer = await parts.reddit.info(fullname, resource)
    found = parts.take(answer).items
    if not found:
        raise not_found(resource, archive=answer.archive is not None)
    return found[:1]


async def _thread(parts: Parts, asked: Asked) -> Items:
    post, _, focus = asked["content"].partition("/")
    limit = int(asked["limit"])
    thread = parts.take(await parts.reddit.thread(post, limit=limit, comment_id=focus))
    items: list[Post | Comment] = [thread.post, *thread.comments]
    return items[:limit]


async def _search(parts: Parts, asked: Asked) -> Items:
    words, window, limit = asked["content"], cast("TimeFilter", asked["time"]), int(asked["limit"])
    return parts.take(await parts.reddit.search(words, "all", "relevance", window, limit)).items[:limit]


async def _subreddit(parts: Parts, asked: Asked) -> Items:
    community, window, limit = asked["content"], cast("TimeFilter", asked["time"]), int(asked["limit"])
    return parts.take(await parts.reddit.posts(community, "top", window, limit)).items[:limit]


async def _user(parts: Parts, asked: Asked) -> Items:
    limit, window = int(asked["limit"]), asked["time"]
    history = parts.take(await parts.reddit.history(asked["content"], "overview", limit)).items[:limit]
    oldest = parts.now - SECONDS[window] if window in SECONDS else 0
    return [item for item in history if (item.created_utc or 0) >= oldest]


READERS: Mapping[str, Callable[[Parts, Asked], Awaitable[Items]]] = {
    "post": _post,
    "comment": _comment,
    "thread": _thread,
    "search_results": _search,
    "subreddit": _subreddit,
    "user": _user,
}
