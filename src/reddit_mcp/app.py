"""The composition root: everything is opened here, in order, and closed in the opposite order."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.archive.home import archive_path
from reddit_mcp.archive.server import serving
from reddit_mcp.archive.sqlite import SqliteStore
from reddit_mcp.errors import Unavailable
from reddit_mcp.models import Caller
from reddit_mcp.reddit.praw import Application
from reddit_mcp.reddit.stack import Outbound, open_reddit
from reddit_mcp.reddit.warming import Warming
from reddit_mcp.server.auth import Authentication, Gate, operator_only
from reddit_mcp.server.billing import Free, OpenBilling, PaidDelivery, unbilled
from reddit_mcp.server.breakers import breaker_routes
from reddit_mcp.server.call_log import Observer
from reddit_mcp.server.envelope import Envelope
from reddit_mcp.server.gateway import WithoutGatewaySecrets
from reddit_mcp.server.health import Health, Ping
from reddit_mcp.server.idle import IDLE_SECONDS, EndsStreams, Streams
from reddit_mcp.server.mcp import Accounts, RedditServer
from reddit_mcp.server.oauth import challenge, metadata_routes, open_tokens
from reddit_mcp.server.probe import ReadinessProbe
from reddit_mcp.server.probe import routes as home_routes
from reddit_mcp.server.queue_status import routes as queue_routes
from reddit_mcp.server.quota import Quota
from reddit_mcp.server.quota_headers import QuotaHeaders
from reddit_mcp.server.refusal import refused
from reddit_mcp.server.shedding import InFlight
from reddit_mcp.server.transports import Transports
from reddit_mcp.server.usage import usage_routes
from reddit_mcp.settings import Settings
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
from reddit_mcp.tiers import read_tiers
from reddit_mcp.tools import Services
from reddit_mcp.tools._findings import Findings
from reddit_mcp.tools._view import concise_post
from reddit_mcp.watches.delivery import TOPIC
from reddit_mcp.watches.fan_out import FanOut
from reddit_mcp.watches.jobs import Jobs
from reddit_mcp.watches.polling import Polling
from reddit_mcp.watches.ports import Delivery, NoDelivery, SystemClock
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
    secrets = open_secrets(settings)  # first: what is missing here should not cost the start of a store
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings))
        application = await stack.enter_async_context(_application(settings))
        cached = await stack.enter_async_context(open_cache_store(settings, store))
        notices = await stack.enter_async_context(Notices(store))
        purges = notices if cached is store else await stack.enter_async_context(Notices(cached))
        outbound = await stack.enter_async_context(open_reddit(settings, application, store, cached, purges))
        keyring = await stack.enter_async_context(Keyring(Keys(store, secrets), notices))
        usage = await stack.enter_async_context(Usage(store))
        tiers = read_tiers(settings.tiers)
        quota = Quota(Quotas(store), tiers, settings.rate_limit_mode, lambda: outbound.tokens.replicas)
        billing = await stack.enter_async_context(open_billing(settings, store, outbound.breakers, usage))
        accounts = Accounts(quota, InFlight(settings.max_in_flight), usage, billing or Free())
        development = settings.environment == "development"
        clock, sentiment = SystemClock(), SentimentAnalyzer()
        jobs = Jobs(store, clock)
        carriage = await stack.enter_async_context(
            open_carriage(store, secrets, outbound.breakers, jobs, notices, clock, development=development)
        )
        told = PaidDelivery(accounts.billing, FanOut(carriage.messenger, delivery or NoDelivery()))
        polling = Polling(outbound.reddit, Polls(store), jobs, told, sentiment, concise_post, clock)
        found = Findings(outbound.reddit, sentiment, clock.now)
        findings = await stack.enter_async_context(outbound.caching(found))
        services = Services(
            reddit=outbound.reddit,
            watches=Watches(store),
            findings=findings,
            tiers=tiers,
            reddit_remaining=lambda: outbound.tokens.remaining,
            source="archive" if settings.archive_mode else "reddit",
            receivers=carriage.receivers,
            clock=clock.now,
            poll_soon=polling.soon,
            durable=settings.durable,
        )
        mcp = RedditServer(
            services,
            accounts,
            deadline=settings.call_timeout,
            secret=secrets.derive("callers in logs")[0],
            development=development,
            observe=observe,
        )
        notices.on(TOPIC, mcp.bus.heard)
        await stack.enter_async_context(jobs)
        if settings.cache_warming and not settings.archive_mode:
            breaker, lease = outbound.breakers.get("reddit"), Lease(store, "warming")
            warming = Warming(outbound.reddit, lease, lambda: breaker.is_open, settings.reddit_share)
            await stack.enter_async_context(warming)
        yield Opened(mcp, outbound, accounts, secrets, keyring, polling, jobs, {"redis": store.ping})


@contextlib.asynccontextmanager
async def _application(settings: Settings) -> AsyncIterator[Application]:
    """The Reddit application of the settings, or an archive on loopback that looks like Reddit."""
    if not settings.archive_mode:
        yield reddit_application(settings)
        return
    with open_archive(settings) as store, serving(store) as url:
        oldest, newest = store.span() or (0, 0)
        edition = f"{archive_path(settings)} {oldest}-{newest}"
        yield Application("archive", "archive", settings.reddit_user_agent, url, url, settings.reddit_timeout, edition)


def open_archive(settings: Settings) -> SqliteStore:
    """The archive that the settings name.

    Raises:
        Unavailable: ARCHIVE_DB names no file, or one that is no archive.
    """
    path = archive_path(settings)
    if not path.is_file():
        raise Unavailable(f"ARCHIVE_DB: there is no archive at {path}; make one with `reddit-mcp archive import`.")
    try:
        return SqliteStore(path)
    except ValueError as error:
        raise Unavailable(f"ARCHIVE_DB: {path} is not an archive of this version: {error}") from error


def reddit_application(settings: Settings) -> Application:
    """The operator's own Reddit application."""
    secret = settings.reddit_client_secret
    return Application(
        client_id=settings.reddit_client_id or "",
        client_secret=secret.get_secret_value() if secret else "",
        user_agent=settings.reddit_user_agent,
        oauth_url=settings.reddit_oauth_url,
        reddit_url=settings.reddit_url,
        timeout=settings.reddit_timeout,
    )


class _Late:
    """What requests find once the application is open."""

    opened: Opened | None = None
    gate: Gate | None = None

    @property
    def outbound(self) -> Outbound:
        """The open way to Reddit."""
        if self.opened is None:
            raise HTTPException(503, "The server is starting.")
        return self.opened.outbound

    @property
    def accounts(self) -> Accounts:
        """The callers' accounts."""
        if self.opened is None:
            raise HTTPException(503, "The server is starting.")
        return self.opened.accounts

    def is_busy(self, caller: str) -> bool:
        """Whether a call of this caller is running."""
        return self.opened is not None and self.opened.accounts.in_flight.is_busy(caller)


def build(
    settings: Settings,
    account: Caller | None = None,
    open_billing: OpenBilling = unbilled,
    observe: Observer | None = None,
    delivery: Delivery | None = None,
) -> Starlette:
    """The whole server as one ASGI app; its lifespan opens and closes everything.

    Its `state.drain(seconds)` makes it say that it is not ready, gives running calls that long, and ends open streams.

    Args:
        settings: what is served, and how.
        account: who calls without a key where AUTH_MODE is apify.
        open_billing: opens whoever takes money for calls.
        observe: hears of each call that has ended.
        delivery: is told of matches too.
    """
    health, transports, late = Health(), Transports(sessions=settings.mcp_sessions), _Late()
    streams = Streams(late.is_busy, IDLE_SECONDS if settings.apify.is_at_home else None)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with opened(settings, open_billing, observe, delivery) as server, open_tokens(settings) as tokens:
            gate = Gate(settings, server.secrets, server.keyring, account, tokens)
            async with transports.run(server.mcp), streams.run():
                late.opened, late.gate = server, gate
                health.pings, health.reason = server.pings, ""
                yield
                health.reason = "draining"

    app = Starlette(
        routes=[*transports.routes(), *health.routes(), *_pages(settings, late)],
        middleware=_middleware(settings, late, streams),
        exception_handlers={HTTPException: refused},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False

    def drain(seconds: float) -> None:
        health.reason = "draining"
        streams.drain()
        if late.opened:
            late.opened.mcp.draining.begin(seconds)
            late.opened.jobs.drain()

    app.state.drain = drain
    return app


def _pages(settings: Settings, late: _Late) -> Iterator[Route]:
    """What is read beside MCP and the health of the server."""
    for route in breaker_routes(lambda: late.outbound.breakers):
        yield Route(route.path, operator_only(route.endpoint), methods=route.methods)
    yield from usage_routes(lambda: late.accounts.usage, lambda: late.accounts.quota)
    yield from queue_routes(lambda: late.outbound.tickets, _owner)
    yield from home_routes()
    yield from metadata_routes(settings)


def _middleware(settings: Settings, late: _Late, streams: Streams) -> list[Middleware]:
    """What a request passes, the outermost first."""
    return [
        *([Middleware(WithoutGatewaySecrets), Middleware(ReadinessProbe)] if settings.apify.is_at_home else []),
        Middleware(Envelope, hosts=settings.allowed_hosts, origins=_listed(settings.cors_origins)),
        Middleware(Authentication, gate=lambda: late.gate, challenge=challenge(settings)),
        Middleware(EndsStreams, streams=streams),
        Middleware(QuotaHeaders, quota=lambda: late.accounts.quota),
    ]


def _owner(request: Request) -> str:
    caller: Caller = request.scope["caller"]
    return caller.id


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
