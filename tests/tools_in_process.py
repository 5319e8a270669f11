"""The real MCP server over any Source, without a transport and without a queue, cache or retry below it."""

from collections.abc import Callable
from typing import Any

from mcp.types import CallToolResult

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.reddit.client import Reddit
from reddit_mcp.reddit.source import Source
from reddit_mcp.server.mcp import Accounts, RedditServer
from reddit_mcp.server.quota import Quota
from reddit_mcp.server.shedding import InFlight
from reddit_mcp.storage.quotas import Quotas
from reddit_mcp.storage.usage import Usage
from reddit_mcp.storage.watches import Watches
from reddit_mcp.tiers import read_tiers
from reddit_mcp.tools import Services
from reddit_mcp.tools._findings import Findings
from tests.storage_fixtures import fake_store
from tests.webhook_things import receivers

NOW = 1_700_000_000


def server_over(
    source: Source, remaining: Callable[[], int | None] = lambda: None, *, deadline: float = 60
) -> RedditServer:
    """The eight tools, asking this Source; the time is NOW."""
    store, tiers = fake_store(), read_tiers("")
    accounts = Accounts(Quota(Quotas(store), tiers, "enforce", lambda: 1), InFlight(256), Usage(store))
    services = Services(
        reddit=Reddit(source),
        watches=Watches(store),
        findings=Findings(Reddit(source), SentimentAnalyzer(), lambda: NOW),
        tiers=tiers,
        reddit_remaining=remaining,
        source="reddit",
        receivers=receivers(store),
        clock=lambda: NOW,
    )
    return RedditServer(services, accounts, deadline=deadline)


async def call(server: RedditServer, tool: str, **arguments: object) -> dict[str, Any]:
    """The structured content of a tool's answer."""
    result = await server.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    content: dict[str, Any] | None = result.structured_content
    assert content is not None
    assert bool(result.is_error) == ("error" in content)
    return content
