"""What the tests of quotas share: a clock for the store, the rules in plain Python, the real server with a caller."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from mcp.types import CallToolResult
from starlette.types import ASGIApp, Receive, Scope, Send

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.http.middleware.quota_headers import QuotaHeaders
from reddit_mcp.mcp_server.server import Accounts, RedditServer
from reddit_mcp.mcp_server.streamable_http import StreamableHttp
from reddit_mcp.metering.call_quota import CallQuota, Mode
from reddit_mcp.metering.concurrency_limit import ConcurrencyLimit
from reddit_mcp.models import Caller, Subreddit
from reddit_mcp.storage.accounting.usage_records import UsageRecords
from reddit_mcp.storage.limits.quota_counters import QuotaCounters
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.tiers import Tier, read_tiers
from reddit_mcp.tools import Services
from reddit_mcp.tools.results.analysis_source import AnalysisSource
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.source import Answer, Query
from reddit_mcp.upstream.source_switch import ActiveSource
from tests.support.server_process import listening
from tests.support.webhook_receiver import receivers

UNIT = 60_000_000
"""Parts of a token, so that whole microseconds fill whole parts."""

FREE = Caller(id="ada", tier="free")


@dataclass
class Clock:
    """Microseconds since 1970, as fakeredis tells them."""

    now: int

    def at(self, text: str) -> None:
        self.now = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000

    @contextlib.contextmanager
    def ruling(self) -> Iterator[None]:
        with patch("fakeredis.commands_mixins.server_mixin.time", SimpleNamespace(time=lambda: self.now / 1e6)):
            yield


def windows_at(micro: int) -> dict[str, tuple[int, ...]]:
    """Which hour, day and month it is, by Python's calendar."""
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micro)
    parts = (time.year, time.month, time.day, time.hour)
    return {"hour": parts, "day": parts[:3], "month": parts[:2]}


@dataclass
class Model:
    """A caller's quota with Python's own integers."""

    tier: Tier
    units: int | None = None
    at: int = 0
    counts: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)

    def spend(self, now: int, weight: int = 1) -> str | None:
        """The window that refuses; None for a call that was taken."""
        refused = [name for name in ("month", "day", "hour") if self._is_used_up(name, now)]
        short = self.tier.minute and self.filled(now) < weight * UNIT
        if refused or short:
            return refused[0] if refused else "minute"
        self.units, self.at = self.filled(now) - weight * UNIT, now
        self._count(now, 1)
        return None

    def refund(self, then: int, weight: int = 1) -> None:
        self.units = min(self.full, (self.full if self.units is None else self.units) + weight * UNIT)
        self._count(then, -1)

    @property
    def full(self) -> int:
        return (self.tier.minute or 0) * UNIT

    def filled(self, now: int) -> int:
        if self.units is None:
            return self.full
        return min(self.full, self.units + max(0, now - self.at) * (self.tier.minute or 0))

    def left(self, window: str, now: int) -> int:
        if window == "minute":
            return self.filled(now) // UNIT
        return int(getattr(self.tier, window)) - self.counts.get((window, windows_at(now)[window]), 0)

    def _is_used_up(self, window: str, now: int) -> bool:
        return getattr(self.tier, window) is not None and self.left(window, now) <= 0

    def _count(self, micro: int, by: int) -> None:
        for key in windows_at(micro).items():
            self.counts[key] = self.counts.get(key, 0) + by


Answering = Callable[[], Answer[Any] | BaseException | Awaitable[Any]]


def a_community() -> Answer[Any]:
    return Answer(Subreddit(id="1", name="lua"), calls=1)


class Upstream:
    """A Source that answers, or fails, as a test tells it to."""

    def __init__(self) -> None:
        self.answer: Answering = a_community

    async def fetch(self, query: Query[Any]) -> Answer[Any]:
        found = self.answer()
        if isinstance(found, Awaitable):
            found = await found
        if isinstance(found, BaseException):
            raise found
        return found

    def hang(self) -> asyncio.Event:
        """Answer no more; the event comes when somebody asks."""
        arrived = asyncio.Event()

        async def never() -> Answer[Any]:
            arrived.set()
            await asyncio.Event().wait()
            raise AssertionError

        self.answer = never
        return arrived


@dataclass
class House:
    """The real MCP server over one Upstream and a store, with calls in anybody's name."""

    store: Store
    mode: Mode = "enforce"
    tiers: str = ""
    most: int = 256
    upstream: Upstream = field(default_factory=Upstream)

    def __post_init__(self) -> None:
        tiers = read_tiers(self.tiers)
        self.quota = CallQuota(QuotaCounters(self.store), tiers, self.mode, lambda: 1)
        self.usage = UsageRecords(self.store)
        services = Services(
            reddit=Reddit(self.upstream),
            watches=WatchStore(self.store),
            findings=AnalysisSource(Reddit(self.upstream), SentimentAnalyzer()),
            tiers=tiers,
            reddit_remaining=lambda: None,
            active=ActiveSource("reddit", "a test says so"),
            receivers=receivers(self.store),
        )
        self.mcp = RedditServer(services, Accounts(self.quota, ConcurrencyLimit(self.most), self.usage), deadline=5.0)

    async def call(
        self, caller: Caller = FREE, tool: str = "get_subreddit_info", /, **arguments: Any
    ) -> dict[str, Any]:
        """The structured content of a call that arrived with this caller in its ASGI scope."""
        request = SimpleNamespace(scope={"caller": caller})
        context = cast("Any", SimpleNamespace(request_context=SimpleNamespace(request=request)))
        result = await self.mcp.call_tool(tool, arguments or {"subreddit": "lua"}, context)
        assert isinstance(result, CallToolResult)
        content: dict[str, Any] | None = result.structured_content
        assert content is not None
        return content

    async def left(self, caller: Caller = FREE) -> dict[str, int] | None:
        """Calls left by window."""
        windows = await self.quota.look(caller)
        return None if windows is None else {window.window: window.left for window in windows}

    @contextlib.asynccontextmanager
    async def serving(self, caller: Caller | None, *more: Any) -> AsyncIterator[str]:
        """The server on a socket, for requests that all come from this caller; gives its address."""
        front = StreamableHttp(self.mcp.lowlevel)
        app = Named(QuotaHeaders(front, lambda: self.quota), caller)
        async with front.run(), listening(app) as url:
            yield url


class Named:
    """Stands where authentication does."""

    def __init__(self, app: ASGIApp, caller: Caller | None) -> None:
        self._app = app
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._caller:
            scope["caller"] = self._caller
        await self._app(scope, receive, send)
