"""What the tests of the inbound path share: requests without a network, a Reddit that fails on demand."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import httpx
from starlette.types import Message, Receive

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.http.middleware.request_guard import RequestGuard
from reddit_mcp.mcp_server.server import Accounts, RedditServer
from reddit_mcp.mcp_server.streamable_http import StreamableHttp
from reddit_mcp.metering.call_quota import CallQuota
from reddit_mcp.metering.concurrency_limit import ConcurrencyLimit
from reddit_mcp.models import Value
from reddit_mcp.storage.accounting.usage_records import UsageRecords
from reddit_mcp.storage.limits.quota_counters import QuotaCounters
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.tiers import read_tiers
from reddit_mcp.tools import Services
from reddit_mcp.tools.results.analysis_source import AnalysisSource
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.source import Answer, Query, Source
from reddit_mcp.upstream.source_switch import ActiveSource
from tests.support.redis_store import fake_store
from tests.support.webhook_receiver import receivers

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    """The JSON-RPC message of a tool call."""
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def pieces(*bodies: bytes, ends: bool = True) -> Receive:
    """A receive that gives these parts of a body; afterwards, or when it does not end, the caller has hung up."""
    messages: list[Message] = [
        {"type": "http.request", "body": body, "more_body": not ends or number < len(bodies)}
        for number, body in enumerate(bodies, 1)
    ]

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return receive


Raised = Callable[[], BaseException | Awaitable[BaseException]]


class Failing:
    """A Source that raises whatever `raised` gives."""

    def __init__(self, raised: Raised) -> None:
        self._raised = raised

    async def fetch(self, query: Query[Any]) -> Answer[Value]:
        raised = self._raised()
        raise raised if isinstance(raised, BaseException) else await raised


def server(raised: Raised = KeyError, *, deadline: float = 5.0, development: bool = False) -> RedditServer:
    """The real MCP server over a Reddit that fails."""
    store, tiers = fake_store(), read_tiers("")
    reddit = Reddit(cast("Source", Failing(raised)))
    services = Services(
        reddit=reddit,
        watches=WatchStore(store),
        findings=AnalysisSource(reddit, SentimentAnalyzer()),
        tiers=tiers,
        reddit_remaining=lambda: None,
        active=ActiveSource("reddit", "a test says so"),
        receivers=receivers(store),
    )
    accounts = Accounts(
        CallQuota(QuotaCounters(store), tiers, "enforce", lambda: 1), ConcurrencyLimit(256), UsageRecords(store)
    )
    return RedditServer(services, accounts, deadline=deadline, development=development)


@contextlib.asynccontextmanager
async def http(
    mcp: RedditServer | None = None, hosts: tuple[str, ...] = (), origins: tuple[str, ...] = ()
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the outermost layer and Streamable HTTP, in this process."""
    front = StreamableHttp((mcp or server()).lowlevel)
    transport = httpx.ASGITransport(RequestGuard(front, hosts, origins), raise_app_exceptions=False)
    async with front.run(), httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=JSON) as client:
        yield client


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error of a tool's result, or of a refused request."""
    body = json.loads(answer.content)
    error: dict[str, Any] = body["error"] if "error" in body else body["result"]["structuredContent"]["error"]
    return error
