"""Calling the tools of a running server."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp import Client

Json = Any
TOOLS = [
    "analyze_sentiment",
    "get_post_comments",
    "get_subreddit_info",
    "get_subreddit_posts",
    "get_trending_topics",
    "get_user_info",
    "search_reddit",
    "watch_keywords",
]
"""The names of the contract."""


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[Callable[..., Any]]:
    """Calls of tools; each gives the structured content, which the text repeats."""
    async with Client(url + "/mcp") as client:

        async def ask(tool: str, **arguments: Json) -> Json:
            answer = await client.call_tool(tool, arguments)
            sentence, _, rest = answer.content[0].text.partition("\n")  # type: ignore[union-attr]
            assert json.loads(rest if answer.is_error else sentence) == answer.structured_content
            assert answer.is_error == ("error" in (answer.structured_content or {}))
            return answer.structured_content

        yield ask
