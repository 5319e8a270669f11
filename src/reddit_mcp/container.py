"""Everything is opened here, in order, and closed in the opposite order."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

import httpx

from reddit_mcp.alerting.alert_channels import SECONDS, channels
from reddit_mcp.alerting.alert_manager import AlertManager
from reddit_mcp.alerting.measured_figures import measured_figures
from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.data_source.data_sources import DataSources, open_data_sources
from reddit_mcp.mcp_server.server import Accounts, RedditServer
from reddit_mcp.metering.billing_port import BilledDelivery, NoBilling, OpenBilling, unbilled
from reddit_mcp.metering.call_log import Observer
from reddit_mcp.metering.call_quota import CallQuota
from reddit_mcp.metering.call_statistics import CallStatistics
from reddit_mcp.metering.concurrency_limit import ConcurrencyLimit
from reddit_mcp.metering.side_requests import SideRequests
from reddit_mcp.metering.statistics_report import of_days
from reddit_mcp.observability.health_monitor import Ping, Pings
from reddit_mcp.settings import Settings
from reddit_mcp.storage.accounting.call_windows import CallWindows
from reddit_mcp.storage.accounting.usage_records import UsageRecords
from reddit_mcp.storage.alert_states import AlertStates
from reddit_mcp.storage.api_keys.key_store import KeyStore
from reddit_mcp.storage.api_keys.keyring import Keyring
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets, open_secrets
from reddit_mcp.storage.disk_space import check_disk
from reddit_mcp.storage.limits.quota_counters import QuotaCounters
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.lease import Lease
from reddit_mcp.storage.redis.open_store import open_cache_store, open_store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.storage.watches.poll_records import PollRecords
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.tiers import Tiers, read_tiers
from reddit_mcp.tools import Services
from reddit_mcp.tools.results.analysis_source import AnalysisSource
from reddit_mcp.tools.results.compact_view import concise_post
from reddit_mcp.upstream.cache.cache_warming import CacheWarming
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.source import Source
from reddit_mcp.watches.background_jobs import BackgroundJobs
from reddit_mcp.watches.polling.watch_polling import WatchPolling
from reddit_mcp.watches.ports import Clock, Delivery, NoDelivery, SystemClock
from reddit_mcp.watches.webhooks.delivery_fan_out import DeliveryFanOut
from reddit_mcp.watches.webhooks.delivery_pipeline import open_delivery_pipeline
from reddit_mcp.watches.webhooks.match_delivery import TOPIC
from reddit_mcp.watches.webhooks.webhook_receivers import WebhookReceivers


@dataclass(frozen=True, slots=True)
class Container:
    """What runs while the application is open."""

    mcp: RedditServer
    outbound: DataSources
    accounts: Accounts
    statistics: CallStatistics
    secrets: MasterSecrets
    keyring: Keyring
    polling: WatchPolling
    jobs: BackgroundJobs
    pings: Pings
    news: Callable[[], object]


@dataclass(frozen=True, slots=True)
class _Foundation:
    """What everything else stands on."""

    settings: Settings
    secrets: MasterSecrets
    store: Store
    notices: PubSub
    outbound: DataSources
    tiers: Tiers
    sentiment: SentimentAnalyzer
    clock: Clock
    statistics: CallStatistics


@dataclass(frozen=True, slots=True)
class _Watching:
    """What happens without a caller; the jobs do not run yet."""

    jobs: BackgroundJobs
    polling: WatchPolling
    receivers: WebhookReceivers


@contextlib.asynccontextmanager
async def open_container(
    settings: Settings,
    open_billing: OpenBilling = unbilled,
    observe: Observer | None = None,
    delivery: Delivery | None = None,
) -> AsyncIterator[Container]:
    """Open the store, the source of Reddit's data and the MCP server over both.

    Args:
        settings: what is opened, and how.
        open_billing: opens the billing of calls.
        observe: hears of each call that has ended.
        delivery: is told of matches too.
    """
    async with contextlib.AsyncExitStack() as stack:
        foundation = await stack.enter_async_context(_foundation(settings))
        keyring = await stack.enter_async_context(
            Keyring(KeyStore(foundation.store, foundation.secrets), foundation.notices)
        )
        accounts = await stack.enter_async_context(_accounts(foundation, open_billing))
        watching = await stack.enter_async_context(_watching(foundation, accounts, delivery or NoDelivery()))
        sources = foundation.outbound
        mcp = _server(foundation, _services(foundation, watching), accounts, observe)
        foundation.notices.on(TOPIC, mcp.bus.heard)
        await stack.enter_async_context(watching.jobs)  # last, for they use all the rest
        await stack.enter_async_context(_warming(foundation))
        await stack.enter_async_context(_alerting(foundation))
        yield Container(
            mcp=mcp,
            outbound=sources,
            accounts=accounts,
            statistics=foundation.statistics,
            secrets=foundation.secrets,
            keyring=keyring,
            polling=watching.polling,
            jobs=watching.jobs,
            pings=lambda: _pings(foundation, accounts, watching.jobs),
            news=lambda: foundation.store.is_away,
        )


@contextlib.asynccontextmanager
async def _foundation(settings: Settings) -> AsyncIterator[_Foundation]:
    secrets = open_secrets(settings)  # first: what is missing here should not cost the start of a store
    sentiment, clock = SentimentAnalyzer(), SystemClock()

    def analyses(reddit: Reddit) -> Source:
        return AnalysisSource(reddit, sentiment, clock.now)

    async with (
        open_store(settings) as store,
        open_cache_store(settings, store) as cached,
        PubSub(store) as notices,
        contextlib.nullcontext(notices) if cached is store else PubSub(cached) as purges,
        open_data_sources(settings, store, cached, purges, analyses) as outbound,
        CallWindows(store, of_days) as windows,
    ):
        tiers = read_tiers(settings.tiers)
        statistics = CallStatistics(windows)
        yield _Foundation(settings, secrets, store, notices, outbound, tiers, sentiment, clock, statistics)


@contextlib.asynccontextmanager
async def _accounts(foundation: _Foundation, open_billing: OpenBilling) -> AsyncIterator[Accounts]:
    settings, store, outbound = foundation.settings, foundation.store, foundation.outbound
    async with (
        UsageRecords(store) as usage,
        open_billing(settings, store, outbound.breakers, usage) as billing,
    ):
        quota = CallQuota(
            QuotaCounters(store), foundation.tiers, settings.rate_limit_mode, lambda: outbound.tokens.replicas
        )
        in_flight = ConcurrencyLimit(settings.max_in_flight)
        side = SideRequests(foundation.tiers)
        yield Accounts(quota, in_flight, usage, billing or NoBilling(), side, foundation.statistics)


@contextlib.asynccontextmanager
async def _watching(foundation: _Foundation, accounts: Accounts, delivery: Delivery) -> AsyncIterator[_Watching]:
    store, outbound, clock = foundation.store, foundation.outbound, foundation.clock
    development = foundation.settings.environment == "development"
    jobs = BackgroundJobs(store, clock)
    async with open_delivery_pipeline(
        store, foundation.secrets, outbound.breakers, jobs, foundation.notices, clock, development=development
    ) as pipeline:
        told = BilledDelivery(accounts.billing, DeliveryFanOut(pipeline.messenger, delivery))
        polling = WatchPolling(
            outbound.reddit, PollRecords(store), jobs, told, foundation.sentiment, concise_post, clock
        )
        yield _Watching(jobs, polling, pipeline.receivers)


def _services(foundation: _Foundation, watching: _Watching) -> Services:
    outbound = foundation.outbound
    return Services(
        reddit=outbound.reddit,
        watches=WatchStore(foundation.store),
        findings=outbound.findings,
        tiers=foundation.tiers,
        reddit_remaining=lambda: outbound.tokens.remaining,
        active=outbound.active,
        receivers=watching.receivers,
        clock=foundation.clock.now,
        poll_soon=watching.polling.soon,
        durable=foundation.settings.durable,
    )


def _pings(foundation: _Foundation, accounts: Accounts, jobs: BackgroundJobs) -> dict[str, Ping]:
    """How each opened resource tells of itself."""
    outbound, found = foundation.outbound, dict[str, Ping]()
    if not isinstance(accounts.billing, NoBilling):
        found["charging"] = accounts.billing.check
    if outbound.cache_only.is_on:
        found["cache_only"] = outbound.cache_only.check
    return {
        "redis": foundation.store.ping,
        outbound.active.name: outbound.check,
        "storage": lambda: check_disk(foundation.settings.data_dir),
        "worker": jobs.check,
        **found,
    }


def _server(foundation: _Foundation, services: Services, accounts: Accounts, observe: Observer | None) -> RedditServer:
    return RedditServer(
        services,
        accounts,
        deadline=foundation.settings.call_timeout,
        secret=foundation.secrets.derive("callers in logs")[0],
        development=foundation.settings.environment == "development",
        observe=observe,
    )


@contextlib.asynccontextmanager
async def _alerting(foundation: _Foundation) -> AsyncIterator[None]:
    outbound, settings, store = foundation.outbound, foundation.settings, foundation.store
    async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as http:
        measure = partial(measured_figures, foundation.statistics, outbound, settings.queue_max)
        sends = channels(settings, http, outbound.breakers)
        async with AlertManager(measure, Lease(store, "alerts"), AlertStates(store), sends):
            yield


def _warming(foundation: _Foundation) -> contextlib.AbstractAsyncContextManager[object]:
    """The warming of the cache, where it is asked for; an archive is as fast without."""
    settings, outbound = foundation.settings, foundation.outbound
    if not settings.cache.warming or outbound.active.name != "reddit":
        return contextlib.nullcontext()
    breaker, lease = outbound.breakers.get("reddit"), Lease(foundation.store, "warming")
    return CacheWarming(outbound.reddit, lease, lambda: breaker.is_open, settings.reddit_share)
