"""The way to Reddit, put together: Cache(Coalesce(Retry(Queue(Breaker(Praw))))).

Cache outermost, so that a hit costs nothing and a failure from below can be answered with a stale copy. Coalesce shares
misses only. Retry above the queue: each attempt waits its turn, a back-off holds no place. Breaker around the request
alone: waiting in line is not slowness.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

from reddit_mcp.settings import Settings
from reddit_mcp.storage.cache.cache_entries import CacheEntries
from reddit_mcp.storage.cache.cache_purges import CachePurges
from reddit_mcp.storage.cache.flight_leases import FlightLeases
from reddit_mcp.storage.limits.queue_tickets import QueueTickets
from reddit_mcp.storage.limits.request_budget import SlidingWindow
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.upstream.cache.cache_layer import CacheLayer
from reddit_mcp.upstream.cache.memory_cache import MemoryCache
from reddit_mcp.upstream.cache.two_tier_cache import TwoTierCache
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.rate_limit.request_queue import RequestQueue
from reddit_mcp.upstream.rate_limit.shared_budget import SharedBudget
from reddit_mcp.upstream.reddit_api.praw_transport import RedditApplication
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_breaker import Guarded
from reddit_mcp.upstream.resilience.retry import Retry, RetryRules
from reddit_mcp.upstream.single_flight.coalescing import Coalescing
from reddit_mcp.upstream.source import Source
from reddit_mcp.upstream.transport import Transport, open_transport

SPAN_SECONDS = 61.0
"""When a token returns: a window of 60 s lets more than its limit arrive in some minute, for requests travel."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """The open way to Reddit.

    Attributes:
        tokens: what is left of Reddit's budget.
    """

    reddit: Reddit
    breakers: BreakerRegistry
    tickets: QueueTickets
    tokens: SharedBudget
    queue: RequestQueue
    answers: TwoTierCache
    flights: FlightLeases
    stale_max: float

    @contextlib.asynccontextmanager
    async def caching(self, source: Source) -> AsyncIterator[Source]:
        """A second cache, over a Source that works with Reddit's answers: it shares all with the first but its ttls."""
        async with _cached(source, self.answers, self.flights, self.stale_max) as cache:
            yield cache


@contextlib.asynccontextmanager
async def _cached(
    source: Source, answers: TwoTierCache, flights: FlightLeases, stale_max: float
) -> AsyncIterator[Source]:
    async with Coalescing(source, answers, flights) as coalesce, CacheLayer(coalesce, answers, stale_max) as cache:
        yield cache


@contextlib.asynccontextmanager
async def open_upstream(
    settings: Settings, application: RedditApplication | None, store: Store, cached: Store, notices: PubSub
) -> AsyncIterator[Upstream]:
    """Open every layer, the lowest first.

    Args:
        settings: the figures of each layer.
        application: whose credentials and budget are used; None = Arctic Shift answers.
        store: the state that replicas share.
        cached: where answers are cached; it may evict.
        notices: where purges are heard.
    """
    async with contextlib.AsyncExitStack() as stack:
        breakers = BreakerRegistry(store, settings.breaker)
        stack.push_async_callback(breakers.aclose)
        transport = await stack.enter_async_context(open_transport(settings, application, breakers))
        guarded = Guarded(transport.source, breakers.get(transport.breaker))
        tokens, tickets = SharedBudget(_window(transport, store), transport.reported), QueueTickets(store)
        queue = await stack.enter_async_context(RequestQueue(guarded, tokens, tickets, most=settings.queue_max))
        retry = Retry(queue, RetryRules(**settings.retry.model_dump()), lambda: guarded.is_open)
        answers = TwoTierCache(
            MemoryCache(settings.cache.l1_entries),
            CacheEntries(cached, transport.identity, 2 * settings.stale_max),
            CachePurges(cached, notices),
        )
        flights = FlightLeases(store, transport.identity)
        cache = await stack.enter_async_context(_cached(retry, answers, flights, settings.stale_max))
        yield Upstream(Reddit(cache), breakers, tickets, tokens, queue, answers, flights, settings.stale_max)


def _window(transport: Transport, store: Store) -> SlidingWindow:
    process = secrets.token_hex(8)
    return SlidingWindow(store, name=transport.client, process=process, limit=transport.limit, span=SPAN_SECONDS)
