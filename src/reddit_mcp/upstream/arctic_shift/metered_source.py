"""Requests to Arctic Shift take tokens of the shared budget: the queue gives the first, each further one is taken."""

from typing import TypeVar

from reddit_mcp.models import Value
from reddit_mcp.upstream.rate_limit.shared_budget import current_grant
from reddit_mcp.upstream.source import Answer, Query, Source

T = TypeVar("T", bound=Value)


async def take() -> None:
    """Take a token for a request that is sent now.

    Raises:
        RateLimited: there is none in time.
    """
    if grant := current_grant.get():
        await grant.leave_here()


class MeteredSource:
    """A Source whose first request uses up the token of its query."""

    def __init__(self, below: Source) -> None:
        self._below = below

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask below."""
        await take()
        return await self._below.fetch(query)
