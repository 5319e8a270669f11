"""What the tests of deliveries share: everything between a match and a receiver."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fakeredis import FakeServer

from reddit_mcp.models import Match, Watch
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.storage.watches.delivery_records import DeliveryRecords, DeliveryState
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules
from reddit_mcp.watches.background_jobs import BackgroundJobs
from reddit_mcp.watches.webhooks.address_check import AddressCheck
from reddit_mcp.watches.webhooks.match_delivery import MatchDelivery
from reddit_mcp.watches.webhooks.webhook_receivers import WebhookReceivers
from reddit_mcp.watches.webhooks.webhook_sender import WebhookSender
from reddit_mcp.watches.webhooks.webhook_signing import SigningSecrets
from tests.support.redis_store import PREFIX, a_watch, assert_no_leaks, fake_store
from tests.support.webhook_receiver import MASTER, START, Receiver, SteppedClock, answer, eventually, receiving

NEVER_OPENS = BreakerRules(failures=1000, window=1000)


@dataclass
class Post:
    """Everything between a match and a receiver, on one store."""

    store: Store
    clock: SteppedClock
    receiver: Receiver
    watch: Watch
    secret: str
    messenger: MatchDelivery
    jobs: BackgroundJobs
    receivers: WebhookReceivers
    deliveries: DeliveryRecords
    watches: WatchStore
    others: list[asyncio.Event]
    webhooks: WebhookSender
    server: FakeServer

    async def matched(self, *names: str) -> None:
        await self.messenger.matched(self.watch, [a_match(self.watch, name) for name in names])

    async def state(self, name: str = "m1") -> DeliveryState:
        return (await self.deliveries.get(self.watch.watch_id, [name]))[name]

    async def ends(self, name: str = "m1", *, attempts: int | None = None) -> DeliveryState:
        """Wait for the end, or for so many attempts."""
        if attempts is None:
            return await eventually(lambda: self.state(name), lambda state: state.state != "pending")
        return await eventually(lambda: self.state(name), lambda state: state.attempts == attempts)

    async def now(self) -> Watch:
        return await self.watches.get("ada", self.watch.watch_id)


def a_match(watch: Watch, name: str = "m1") -> Match:
    post = {"id": name, "title": "Kettles & \u65e5\u672c"}
    return Match(
        match_id=name, watch_id=watch.watch_id, keyword="lua", why="?", post=post, sentiment=0.5, matched_utc=START
    )


@contextlib.asynccontextmanager
async def posting(
    *answers: bytes,
    masters: tuple[bytes, ...] = (MASTER,),
    rules: BreakerRules = NEVER_OPENS,
    sealed: str | None = None,
) -> AsyncIterator[Post]:
    clock, signing = SteppedClock(), SigningSecrets(MasterSecrets(masters))
    server = FakeServer()
    async with receiving() as receiver, fake_store(server) as store, contextlib.AsyncExitStack() as stack:
        receiver.answers = list(answers) or [answer()]
        breakers, jobs, addresses = (
            BreakerRegistry(store, rules),
            BackgroundJobs(store, clock),
            AddressCheck(development=True),
        )
        stack.push_async_callback(breakers.aclose)
        webhooks = await stack.enter_async_context(WebhookSender(addresses, breakers))
        deliveries, watches = DeliveryRecords(store), WatchStore(store)
        messenger = MatchDelivery(watches, deliveries, webhooks, signing, jobs, PubSub(store), clock)
        secret, own = signing.draw()
        watch = a_watch(webhook_url=receiver.url, webhook_secret=sealed or own, created_utc=START)
        await watches.create(watch, limit=1)
        others: list[asyncio.Event] = []
        jobs.handle("other", lambda _payload: _set(others))
        await stack.enter_async_context(jobs)
        receivers = WebhookReceivers(addresses, signing, deliveries)
        facts = (store, clock, receiver, watch, secret, messenger, jobs, receivers, deliveries, watches, others)
        yield Post(*facts, webhooks, server)
        async with store.visit() as redis:
            await assert_no_leaks(redis, PREFIX)


async def _set(events: list[asyncio.Event]) -> None:
    for event in events:
        event.set()
