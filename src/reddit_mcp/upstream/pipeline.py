"""The way to one source, put together: Cache(Coalesce(Retry(Queue(Breaker(transport))))).

Cache outermost, so that a hit costs nothing and a failure from below can be answered with a stale copy. Coalesce shares
misses only. Retry above the queue: each attempt waits its turn, a back-off holds no place. Breaker around the request
alone: waiting in line is not slowness.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from reddit_mcp.settings import Settings
from reddit_mcp.storage.cache.cache_entries import CacheEntries
from reddit_mcp.storage.cache.cache_purges import CachePurges
from reddit_mcp.storage.cache.flight_leases import FlightLeases
from reddit_mcp.storage.cache_only_switch import CacheOnlySwitch
from reddit_mcp.storage.limits.queue_tickets import QueueTickets
from reddit_mcp.storage.limits.request_budget import SlidingWindow
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.upstream.cache.cache_layer import CacheLayer
from reddit_mcp.upstream.cache.memory_cache import MemoryCache
from reddit_mcp.upstream.cache.two_tier_cache import TwoTierCache
from reddit_mcp.upstream.cache_only import CacheOnly
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.measured_source import MeasuredSource
from reddit_mcp.upstream.rate_limit.request_queue import RequestQueue
from reddit_mcp.upstream.rate_limit.shared_budget import SharedBudget
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_breaker import Breaker, Guarded
from reddit_mcp.upstream.resilience.retry import Retry, RetryRules
from reddit_mcp.upstream.single_flight.coalescing import Coalescing
from reddit_mcp.upstream.source import Source
from reddit_mcp.upstream.source_switch import Named
from reddit_mcp.upstream.transport import TITLES, Transport

SPAN_SECONDS = 61.0
"""When a token returns: a window of 60 s lets more than its limit arrive in some minute, for requests travel."""

Analyses = Callable[[Reddit], Source]
"""Makes the Source of results that are worked out from a source's answers."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the ways to all sources share.

    Attributes:
        store: the state that replicas share.
        cached: where answers are cached; it may evict.
        notices: where purges are heard.
        tickets: where callers read of their queued requests.
        analyses: what is worked out from answers, such as trends.
        cache_only: the operator's switch to answers from the cache alone.
    """

    settings: Settings
    store: Store
    cached: Store
    notices: PubSub
    breakers: BreakerRegistry
    tickets: QueueTickets
    analyses: Analyses
    cache_only: CacheOnlySwitch


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The open way to one source.

    Attributes:
        source: answers, cached.
        findings: what is worked out from them, cached.
        tokens: what is left of the source's budget.
    """

    source: Source
    findings: Source
    breaker: Breaker
    tokens: SharedBudget
    queue: RequestQueue


@contextlib.asynccontextmanager
async def open_pipeline(shared: Shared, transport: Transport) -> AsyncIterator[Pipeline]:
    """Open every layer over a transport, the lowest first."""
    settings, breaker = shared.settings, shared.breakers.get(transport.breaker)
    guarded = Guarded(MeasuredSource(transport.source, transport.name), breaker)
    tokens = shared_tokens(shared.store, transport)
    async with contextlib.AsyncExitStack() as stack:
        queue = RequestQueue(
            guarded, tokens, shared.tickets, most=settings.queue_max, repeat_seconds=transport.repeat_seconds
        )
        await stack.enter_async_context(queue)
        retry = Retry(queue, RetryRules(**settings.retry.model_dump()), lambda: guarded.is_open)
        cached = _Cached(shared, transport)
        source = await stack.enter_async_context(cached.over(CacheOnly(retry, shared.cache_only)))
        findings = await stack.enter_async_context(cached.over(shared.analyses(Reddit(source))))
        yield Pipeline(source, findings, breaker, tokens, queue)


class _Cached:
    """The cache of one source's answers; what is worked out from them shares all of it but the ttls."""

    def __init__(self, shared: Shared, transport: Transport) -> None:
        self._stale_max = min(shared.settings.stale_max, transport.stale_max)
        self._name = transport.name
        self._answers = TwoTierCache(
            MemoryCache(shared.settings.cache.l1_entries),
            CacheEntries(shared.cached, transport.identity, 2 * self._stale_max),
            CachePurges(shared.cached, shared.notices),
        )
        self._flights = FlightLeases(shared.store, transport.identity)

    @contextlib.asynccontextmanager
    async def over(self, source: Source) -> AsyncIterator[Source]:
        """A cache over a Source."""
        async with (
            Coalescing(source, self._answers, self._flights) as coalesce,
            CacheLayer(coalesce, self._answers, self._stale_max, TITLES[self._name]) as cache,
        ):
            yield Named(cache, self._name)


def shared_tokens(store: Store, transport: Transport) -> SharedBudget:
    """The budget of a source, which all processes over one store share."""
    process = secrets.token_hex(8)
    window = SlidingWindow(store, name=transport.client, process=process, limit=transport.limit, span=SPAN_SECONDS)
    return SharedBudget(window, transport.reported)
