"""What rises in communities: the question, and how its answer is found."""

import asyncio
from collections.abc import Mapping

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.analysis.trends import Trends, split, trending
from reddit_mcp.models import Post
from reddit_mcp.tools.results.answer_parts import Parts
from reddit_mcp.tools.results.page_requests import only_posts
from reddit_mcp.upstream.client import TTL, communities
from reddit_mcp.upstream.source import Query

MOST_TOPICS = 50
"""Topics that are found; a call shows as many of them as it likes."""


class TrendReport(Trends):
    """Rising topics, and the moment they were looked for."""

    analysis_timestamp: int


def question(community: str, timeframe: str) -> Query[TrendReport]:
    """Ask what rises in a community, in several joined with `+`, or in `all`."""
    return Query(
        kind="trending",
        model=TrendReport,
        resource=f"trends of r/{community}",
        path=f"/trending/{community.lower()}",
        params=(("community", community.lower()), ("timeframe", timeframe)),
        ttl=TTL["trending"],
        tags=communities(community),
    )


async def find(parts: Parts, analyzer: SentimentAnalyzer, asked: Mapping[str, str]) -> TrendReport:
    """Compare the newer half of the posts with the older half."""
    pages = _newest if asked["timeframe"] == "hour" else _top_of_day
    posts = await pages(parts, asked["community"])
    current, previous = split(posts)
    found = await asyncio.to_thread(trending, current, previous, analyzer, MOST_TOPICS)
    return TrendReport(**dict(found), analysis_timestamp=parts.now)


async def _newest(parts: Parts, community: str) -> list[Post]:
    return only_posts(parts.take(await parts.reddit.posts(community, "new", "day")).items)


async def _top_of_day(parts: Parts, community: str) -> list[Post]:
    first = parts.take(await parts.reddit.posts(community, "top", "day"))
    if not first.after:
        return only_posts(first.items)
    second = parts.take(await parts.reddit.posts(community, "top", "day", after=first.after))
    return only_posts((*first.items, *second.items))
