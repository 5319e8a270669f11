"""The real MCP server over any Source, without a transport and without a queue, cache or retry below it."""

from collections.abc import Callable
from typing import Any

from mcp.types import CallToolResult

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.mcp_server.server import Accounts, RedditServer
from reddit_mcp.metering.call_quota import CallQuota
from reddit_mcp.metering.concurrency_limit import ConcurrencyLimit
from reddit_mcp.storage.accounting.usage_records import UsageRecords
from reddit_mcp.storage.limits.quota_counters import QuotaCounters
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.tiers import read_tiers
from reddit_mcp.tools import Services
from reddit_mcp.tools.results.analysis_source import AnalysisSource
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.source import Source
from reddit_mcp.upstream.source_switch import ActiveSource
from tests.support.redis_store import fake_store
from tests.support.webhook_receiver import receivers

NOW = 1_700_000_000


def server_over(
    source: Source,
    remaining: Callable[[], int | None] = lambda: None,
    *,
    deadline: float = 60,
    store: Store | None = None,
) -> RedditServer:
    """The eight tools, asking this Source; the time is NOW."""
    store, tiers = store or fake_store(), read_tiers("")
    accounts = Accounts(
        CallQuota(QuotaCounters(store), tiers, "enforce", lambda: 1), ConcurrencyLimit(256), UsageRecords(store)
    )
    services = Services(
        reddit=Reddit(source),
        watches=WatchStore(store),
        findings=AnalysisSource(Reddit(source), SentimentAnalyzer(), lambda: NOW),
        tiers=tiers,
        reddit_remaining=remaining,
        active=ActiveSource("reddit", "a test says so"),
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
