"""Everything is opened here, in order, and closed in the opposite order."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.application import open_application
from reddit_mcp.reddit.stack import Outbound, open_reddit
from reddit_mcp.reddit.warming import Warming
from reddit_mcp.server.billing import Free, OpenBilling, PaidDelivery, unbilled
from reddit_mcp.server.call_log import Observer
from reddit_mcp.server.health import Ping
from reddit_mcp.server.mcp import Accounts, RedditServer
from reddit_mcp.server.quota import Quota
from reddit_mcp.server.shedding import InFlight
from reddit_mcp.server.side_requests import SideRequests
from reddit_mcp.settings import Settings
from reddit_mcp.storage.connection import Store
from reddit_mcp.storage.keyring import Keyring
from reddit_mcp.storage.keys import Keys
from reddit_mcp.storage.lease import Lease
from reddit_mcp.storage.notices import Notices
from reddit_mcp.storage.open import open_cache_store, open_store
from reddit_mcp.storage.polls import Polls
from reddit_mcp.storage.quotas import Quotas
from reddit_mcp.storage.secrets import Secrets, open_secrets
from reddit_mcp.storage.usage import Usage
from reddit_mcp.storage.watches import Watches
from reddit_mcp.tiers import Tiers, read_tiers
from reddit_mcp.tools import Services
from reddit_mcp.tools._findings import Findings
from reddit_mcp.tools._view import concise_post
from reddit_mcp.watches.delivery import TOPIC
from reddit_mcp.watches.fan_out import FanOut
from reddit_mcp.watches.jobs import Jobs
from reddit_mcp.watches.polling import Polling
from reddit_mcp.watches.ports import Clock, Delivery, NoDelivery, SystemClock
from reddit_mcp.watches.receivers import Receivers
from reddit_mcp.watches.stack import open_carriage


@dataclass(frozen=True, slots=True)
class Opened:
    """What runs while the application is open."""

    mcp: RedditServer
    outbound: Outbound
    accounts: Accounts
    secrets: Secrets
    keyring: Keyring
    polling: Polling
    jobs: Jobs
    pings: dict[str, Ping]


@dataclass(frozen=True, slots=True)
class _Ground:
    """What everything else stands on."""

    settings: Settings
    secrets: Secrets
    store: Store
    notices: Notices
    outbound: Outbound
    tiers: Tiers
    sentiment: SentimentAnalyzer
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Watching:
    """What happens without a caller; the jobs do not run yet."""

    jobs: Jobs
    polling: Polling
    receivers: Receivers


@contextlib.asynccontextmanager
async def opened(
    settings: Settings,
    open_billing: OpenBilling = unbilled,
    observe: Observer | None = None,
    delivery: Delivery | None = None,
) -> AsyncIterator[Opened]:
    """Open the store, Reddit (or the archive in its place) and the MCP server over both.

    Args:
        settings: what is opened, and how.
        open_billing: opens whoever takes money for calls.
        observe: hears of each call that has ended.
        delivery: is told of matches too.
    """
    async with contextlib.AsyncExitStack() as stack:
        ground = await stack.enter_async_context(_ground(settings))
        keyring = await stack.enter_async_context(Keyring(Keys(ground.store, ground.secrets), ground.notices))
        accounts = await stack.enter_async_context(_accounts(ground, open_billing))
        watching = await stack.enter_async_context(_watching(ground, accounts, delivery or NoDelivery()))
        services = await stack.enter_async_context(_services(ground, watching))
        mcp = _server(ground, services, accounts, observe)
        ground.notices.on(TOPIC, mcp.bus.heard)
        await stack.enter_async_context(watching.jobs)  # last, for they use all the rest
        await stack.enter_async_context(_warming(ground))
        yield Opened(
            mcp=mcp,
            outbound=ground.outbound,
            accounts=accounts,
            secrets=ground.secrets,
            keyring=keyring,
            polling=watching.polling,
            jobs=watching.jobs,
            pings={"redis": ground.store.ping},
        )


@contextlib.asynccontextmanager
async def _ground(settings: Settings) -> AsyncIterator[_Ground]:
    secrets = open_secrets(settings)  # first: what is missing here should not cost the start of a store
    async with (
        open_store(settings) as store,
        open_application(settings) as application,
        open_cache_store(settings, store) as cached,
        Notices(store) as notices,
        contextlib.nullcontext(notices) if cached is store else Notices(cached) as purges,
        open_reddit(settings, application, store, cached, purges) as outbound,
    ):
        tiers = read_tiers(settings.tiers)
        yield _Ground(settings, secrets, store, notices, outbound, tiers, SentimentAnalyzer(), SystemClock())


@contextlib.asynccontextmanager
async def _accounts(ground: _Ground, open_billing: OpenBilling) -> AsyncIterator[Accounts]:
    settings, store, outbound = ground.settings, ground.store, ground.outbound
    async with Usage(store) as usage, open_billing(settings, store, outbound.breakers, usage) as billing:
        quota = Quota(Quotas(store), ground.tiers, settings.rate_limit_mode, lambda: outbound.tokens.replicas)
        in_flight = InFlight(settings.max_in_flight)
        yield Accounts(quota, in_flight, usage, billing or Free(), SideRequests(ground.tiers))


@contextlib.asynccontextmanager
async def _watching(ground: _Ground, accounts: Accounts, delivery: Delivery) -> AsyncIterator[_Watching]:
    store, outbound, clock = ground.store, ground.outbound, ground.clock
    development = ground.settings.environment == "development"
    jobs = Jobs(store, clock)
    async with open_carriage(
        store, ground.secrets, outbound.breakers, jobs, ground.notices, clock, development=development
    ) as carriage:
        told = PaidDelivery(accounts.billing, FanOut(carriage.messenger, delivery))
        polling = Polling(outbound.reddit, Polls(store), jobs, told, ground.sentiment, concise_post, clock)
        yield _Watching(jobs, polling, carriage.receivers)


@contextlib.asynccontextmanager
async def _services(ground: _Ground, watching: _Watching) -> AsyncIterator[Services]:
    settings, outbound, clock = ground.settings, ground.outbound, ground.clock
    async with outbound.caching(Findings(outbound.reddit, ground.sentiment, clock.now)) as findings:
        yield Services(
            reddit=outbound.reddit,
            watches=Watches(ground.store),
            findings=findings,
            tiers=ground.tiers,
            reddit_remaining=lambda: outbound.tokens.remaining,
            source="archive" if settings.archive_mode else "reddit",
            receivers=watching.receivers,
            clock=clock.now,
            poll_soon=watching.polling.soon,
            durable=settings.durable,
        )


def _server(ground: _Ground, services: Services, accounts: Accounts, observe: Observer | None) -> RedditServer:
    return RedditServer(
        services,
        accounts,
        deadline=ground.settings.call_timeout,
        secret=ground.secrets.derive("callers in logs")[0],
        development=ground.settings.environment == "development",
        observe=observe,
    )


def _warming(ground: _Ground) -> contextlib.AbstractAsyncContextManager[object]:
    """The warming of the cache, where it is asked for; an archive is as fast without."""
    settings, outbound = ground.settings, ground.outbound
    if not settings.cache_warming or settings.archive_mode:
        return contextlib.nullcontext()
    breaker, lease = outbound.breakers.get("reddit"), Lease(ground.store, "warming")
    return Warming(outbound.reddit, lease, lambda: breaker.is_open, settings.reddit_share)
