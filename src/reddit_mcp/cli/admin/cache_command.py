"""`cache purge` drops cached answers, `cache only` asks nothing but the cache; both on every replica."""

import asyncio
import sys
from collections.abc import Mapping

from reddit_mcp.errors import InvalidInput
from reddit_mcp.settings import Settings
from reddit_mcp.storage.cache.cache_purges import CachePurges
from reddit_mcp.storage.cache_only_switch import switch
from reddit_mcp.storage.redis.open_store import open_cache_store, open_store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.upstream.cache.two_tier_cache import purge_tags
from reddit_mcp.upstream.reddit_api import identifiers
from reddit_mcp.upstream.source import Kind

TOOLS: Mapping[str, Kind] = {
    "search_reddit": "search",
    "get_subreddit_posts": "listing",
    "get_post_comments": "comments",
    "get_user_info": "user",
    "get_subreddit_info": "subreddit",
    "get_trending_topics": "trending",
    "analyze_sentiment": "sentiment",
}
"""What each tool keeps in the cache."""


def purge(settings: Settings, tool: str | None = None, subreddit: str | None = None) -> None:
    """Drop what a tool has cached, what is cached of a community, what a tool has of it, or (None twice) everything.

    Raises:
        InvalidInput: no such tool, or no possible community name.
        Unavailable: Redis is away.
    """
    community = _community(subreddit) if subreddit else None
    tags = purge_tags(_kind(tool) if tool else None, f"subreddit:{community.lower()}" if community else None)
    asyncio.run(_purge(settings, tags))
    sys.stdout.write(f"Purged {tool or 'every tool'}, {f'r/{community}' if community else 'every community'}.\n")


def cache_only(settings: Settings, *, on: bool) -> None:
    """Switch every replica to answers from the cache alone, or back.

    Raises:
        Unavailable: Redis is away.
    """
    asyncio.run(_cache_only(settings, on=on))
    what = "answers from its cache alone" if on else "asks its source again"
    sys.stdout.write(f"Every replica {what} in a second.\n")


async def _cache_only(settings: Settings, *, on: bool) -> None:
    async with open_store(settings) as store:
        await switch(store, on=on)


async def _purge(settings: Settings, tags: tuple[str, ...]) -> None:
    async with open_store(settings) as store, open_cache_store(settings, store) as cached:
        await CachePurges(cached, PubSub(cached)).purge(tags)


def _kind(tool: str) -> Kind:
    if tool not in TOOLS:
        raise InvalidInput(f"{tool[:100]} caches nothing; these tools do: {', '.join(TOOLS)}.")
    return TOOLS[tool]


def _community(text: str) -> str:
    try:
        return identifiers.community(text)
    except ValueError:
        raise InvalidInput(f"A community is named by {identifiers.COMMUNITY_RULE}.") from None
