"""The lowest layer: who answers, on whose budget, and behind which breaker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reddit_mcp.settings import Settings
from reddit_mcp.upstream.arctic_shift import Api, ArcticShift
from reddit_mcp.upstream.arctic_shift.metered_source import MeteredSource, take
from reddit_mcp.upstream.rate_limit.reported_limit import ReportedLimit
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.source import Source

ARCHIVE_QPM = 6000
"""An archive of ours has no limit of Reddit's to keep; this one only bounds a runaway loop."""


@dataclass(frozen=True, slots=True)
class Transport:
    """Who answers.

    Attributes:
        reported: what it says of its own limit.
        breaker: the name of its circuit breaker.
        client: whose requests the budget counts.
        limit: requests in a minute.
        identity: keeps its cached answers apart from others'.
    """

    source: Source
    reported: ReportedLimit
    breaker: str
    client: str
    limit: int
    identity: str


@asynccontextmanager
async def open_transport(
    settings: Settings, application: RedditApplication | None, breakers: BreakerRegistry
) -> AsyncIterator[Transport]:
    """Reddit's API or an archive that speaks it; without an application, Arctic Shift."""
    if application is None:
        api = Api(settings.arctic_shift_url, settings.reddit.user_agent, settings.reddit.timeout)
        source = MeteredSource(ArcticShift(api, take))
        try:
            name, limit = "arctic_shift", settings.arctic_shift_qpm
            yield Transport(source, api.budget, name, name, limit, settings.arctic_shift_url)
        finally:
            await api.aclose()
        return
    loop, token = asyncio.get_running_loop(), breakers.get("reddit_token")
    praw = PrawTransport(application, sign_in_guard=lambda: token.guard_in_thread(loop))
    try:
        limit = ARCHIVE_QPM if settings.archive_mode else settings.reddit_share
        identity = application.edition or f"{application.oauth_url} {application.client_id}"
        yield Transport(praw, praw.budget, "reddit", application.client_id, limit, identity)
    finally:
        await praw.aclose()
