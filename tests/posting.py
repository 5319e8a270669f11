"""What the tests of deliveries share: everything between a match and a receiver."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fakeredis import FakeServer

from reddit_mcp.models import Match, Watch
from reddit_mcp.reddit.breakers import Breakers
from reddit_mcp.reddit.circuit import BreakerRules
from reddit_mcp.storage.connection import Store
from reddit_mcp.storage.deliveries import Deliveries, DeliveryState
from reddit_mcp.storage.notices import Notices
from reddit_mcp.storage.secrets import Secrets
from reddit_mcp.storage.watches import Watches
from reddit_mcp.watches.addresses import Addresses
from reddit_mcp.watches.delivery import Messenger
from reddit_mcp.watches.jobs import Jobs
from reddit_mcp.watches.receivers import Receivers
from reddit_mcp.watches.signing import SigningSecrets
from reddit_mcp.watches.webhooks import Webhooks
from tests.storage_fixtures import PREFIX, a_watch, assert_no_leaks, fake_store
from tests.webhook_things import MASTER, START, Receiver, SteppedClock, answer, eventually, receiving

NEVER_OPENS = BreakerRules(failures=1000, window=1000)


@dataclass
class Post:
    """Everything between a match and a receiver, on one store."""

    store: Store
    clock: SteppedClock
    receiver: Receiver
    watch: Watch
    secret: str
    messenger: Messenger
    jobs: Jobs
    receivers: Receivers
    deliveries: Deliveries
    watches: Watches
    others: list[asyncio.Event]
    webhooks: Webhooks
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
    clock, signing = SteppedClock(), SigningSecrets(Secrets(masters))
    server = FakeServer()
    async with receiving() as receiver, fake_store(server) as store, contextlib.AsyncExitStack() as stack:
        receiver.answers = list(answers) or [answer()]
        breakers, jobs, addresses = Breakers(store, rules), Jobs(store, clock), Addresses(development=True)
        stack.push_async_callback(breakers.aclose)
        webhooks = await stack.enter_async_context(Webhooks(addresses, breakers))
        deliveries, watches = Deliveries(store), Watches(store)
        messenger = Messenger(watches, deliveries, webhooks, signing, jobs, Notices(store), clock)
        secret, own = signing.draw()
        watch = a_watch(webhook_url=receiver.url, webhook_secret=sealed or own, created_utc=START)
        await watches.create(watch, limit=1)
        others: list[asyncio.Event] = []
        jobs.handle("other", lambda _payload: _set(others))
        await stack.enter_async_context(jobs)
        receivers = Receivers(addresses, signing, deliveries)
        facts = (store, clock, receiver, watch, secret, messenger, jobs, receivers, deliveries, watches, others)
        yield Post(*facts, webhooks, server)
        async with store.visit() as redis:
            await assert_no_leaks(redis, PREFIX)


async def _set(events: list[asyncio.Event]) -> None:
    for event in events:
        event.set()
