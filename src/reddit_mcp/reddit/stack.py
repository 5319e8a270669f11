"""The way to Reddit, put together: Cache(Coalesce(Retry(Queue(Breaker(Praw))))).

Cache outermost, so that a hit costs nothing and a failure from below can be answered with a stale copy. Coalesce shares
misses only. Retry above the queue: each attempt waits its turn, a back-off holds no place. Breaker around the request
alone: waiting in line is not slowness.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

from reddit_mcp.reddit.breaker import Guarded
from reddit_mcp.reddit.breakers import Breakers
from reddit_mcp.reddit.cache import Cache
from reddit_mcp.reddit.circuit import BreakerRules
from reddit_mcp.reddit.client import Reddit
from reddit_mcp.reddit.coalesce import Coalesce
from reddit_mcp.reddit.memory import Memory
from reddit_mcp.reddit.praw import Application, Praw
from reddit_mcp.reddit.queue import Queue
from reddit_mcp.reddit.retry import Retry, RetryRules
from reddit_mcp.reddit.shelf import Shelf
from reddit_mcp.reddit.source import Source
from reddit_mcp.reddit.tokens import Tokens
from reddit_mcp.settings import Settings
from reddit_mcp.storage.budget import SlidingWindow
from reddit_mcp.storage.connection import Store
from reddit_mcp.storage.entries import Entries
from reddit_mcp.storage.flights import Flights
from reddit_mcp.storage.notices import Notices
from reddit_mcp.storage.purges import Purges
from reddit_mcp.storage.tickets import Tickets

SPAN_SECONDS = 61.0
"""When a token returns: a window of 60 s lets more than its limit arrive in some minute, for requests travel."""

ARCHIVE_QPM = 6000
"""An archive of ours has no limit of Reddit's to keep; this one only bounds a runaway loop."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """The open way to Reddit.

    Attributes:
        tokens: what is left of Reddit's budget.
    """

    reddit: Reddit
    breakers: Breakers
    tickets: Tickets
    tokens: Tokens
    queue: Queue
    shelf: Shelf
    flights: Flights
    stale_max: float

    @contextlib.asynccontextmanager
    async def caching(self, source: Source) -> AsyncIterator[Source]:
        """A second cache, over a Source that works with Reddit's answers: it shares all with the first but its ttls."""
        async with _cached(source, self.shelf, self.flights, self.stale_max) as cache:
            yield cache


@contextlib.asynccontextmanager
async def _cached(source: Source, shelf: Shelf, flights: Flights, stale_max: float) -> AsyncIterator[Source]:
    async with Coalesce(source, shelf, flights) as coalesce, Cache(coalesce, shelf, stale_max) as cache:
        yield cache


@contextlib.asynccontextmanager
async def open_reddit(
    settings: Settings, application: Application, store: Store, cached: Store, notices: Notices
) -> AsyncIterator[Outbound]:
    """Open every layer, the lowest first.

    Args:
        settings: the figures of each layer.
        application: whose credentials and budget are used.
        store: the state that replicas share.
        cached: where answers are cached; it may evict.
        notices: where purges are heard.
    """
    async with contextlib.AsyncExitStack() as stack:
        breakers = Breakers(store, _breaker_rules(settings))
        stack.push_async_callback(breakers.aclose)
        loop, token = asyncio.get_running_loop(), breakers.get("reddit_token")
        praw = Praw(application, sign_in_guard=lambda: token.guard_in_thread(loop))
        stack.push_async_callback(praw.aclose)
        guarded = Guarded(praw, breakers.get("reddit"))
        tokens, tickets = Tokens(_window(settings, application, store), praw.budget), Tickets(store)
        queue = await stack.enter_async_context(Queue(guarded, tokens, tickets, most=settings.queue_max))
        retry = Retry(queue, _retry_rules(settings), lambda: guarded.is_open)
        upstream = application.edition or f"{application.oauth_url} {application.client_id}"
        shelf = Shelf(
            Memory(settings.cache_l1_entries),
            Entries(cached, upstream, 2 * settings.stale_max),
            Purges(cached, notices),
        )
        flights = Flights(store, upstream)
        cache = await stack.enter_async_context(_cached(retry, shelf, flights, settings.stale_max))
        yield Outbound(Reddit(cache), breakers, tickets, tokens, queue, shelf, flights, settings.stale_max)


def _window(settings: Settings, application: Application, store: Store) -> SlidingWindow:
    limit = ARCHIVE_QPM if settings.archive_mode else settings.reddit_share
    return SlidingWindow(
        store, name=application.client_id, process=secrets.token_hex(8), limit=limit, span=SPAN_SECONDS
    )


def _breaker_rules(settings: Settings) -> BreakerRules:
    return BreakerRules(
        failures=settings.breaker_failures,
        window=settings.breaker_window,
        rate=settings.breaker_rate,
        slow=settings.breaker_slow,
        wait=settings.breaker_wait,
        longest_wait=settings.breaker_longest_wait,
        probes=settings.breaker_probes,
        successes=settings.breaker_successes,
    )


def _retry_rules(settings: Settings) -> RetryRules:
    return RetryRules(
        attempts=settings.retry_attempts,
        base=settings.retry_base,
        cap=settings.retry_cap,
        timeout_attempts=settings.retry_timeout_attempts,
        timeout_base=settings.retry_timeout_base,
        timeout_cap=settings.retry_timeout_cap,
        rate_limit_attempts=settings.retry_rate_limit_attempts,
    )
