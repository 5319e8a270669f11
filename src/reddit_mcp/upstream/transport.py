"""The lowest layer: who answers, on whose budget, and behind which breaker."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reddit_mcp.upstream.arctic_shift import Api, ArcticShift
from reddit_mcp.upstream.arctic_shift.metered_source import MeteredSource, take
from reddit_mcp.upstream.rate_limit.reported_limit import ReportedLimit
from reddit_mcp.upstream.rate_limit.request_queue import REPEAT_SECONDS
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.source import Source, SourceName

TITLES: dict[SourceName, str] = {
    "reddit": "Reddit",
    "arctic_shift": "Arctic Shift",
    "archive": "The archive",
    "sample": "The sample",
}
"""The sources' names for people."""

DELETED_SECONDS = 86_400.0
"""What its authors had removed from Arctic Shift is gone here by then, even if it cannot be asked meanwhile."""

FURTHER_SECONDS = 20.0
"""Many questions take Arctic Shift several requests, and waiting holds no thread."""

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
        stale_max: seconds an answer may be old that stands in while it cannot be asked; twice that while it is down.
        repeat_seconds: how long a question may wait for each token beyond its first.
    """

    name: SourceName
    source: Source
    reported: ReportedLimit
    breaker: str
    client: str
    limit: int
    identity: str
    stale_max: float = math.inf
    repeat_seconds: float = REPEAT_SECONDS


@asynccontextmanager
async def reddit_transport(
    name: SourceName, application: RedditApplication, limit: int, breakers: BreakerRegistry
) -> AsyncIterator[Transport]:
    """Reddit's API, or an archive that speaks it."""
    loop, token = asyncio.get_running_loop(), breakers.get("reddit_token")
    praw = PrawTransport(application, sign_in_guard=lambda: token.guard_in_thread(loop))
    try:
        identity = application.edition or f"{application.oauth_url} {application.client_id}"
        yield Transport(name, praw, praw.budget, "reddit", application.client_id, limit, identity)
    finally:
        await praw.aclose()


def arctic_transport(api: Api, url: str, limit: int) -> Transport:
    """Arctic Shift's API; whoever opened it closes it."""
    source = MeteredSource(ArcticShift(api, take))
    name: SourceName = "arctic_shift"
    return Transport(name, source, api.budget, name, name, limit, url, DELETED_SECONDS / 2, FURTHER_SECONDS)
