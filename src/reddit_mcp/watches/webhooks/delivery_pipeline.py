"""What carries matches to the world, put together."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.storage.watches.delivery_records import DeliveryRecords
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.watches.background_jobs import BackgroundJobs
from reddit_mcp.watches.ports import Clock
from reddit_mcp.watches.webhooks.address_check import AddressCheck
from reddit_mcp.watches.webhooks.match_delivery import MatchDelivery
from reddit_mcp.watches.webhooks.webhook_receivers import WebhookReceivers
from reddit_mcp.watches.webhooks.webhook_sender import WebhookSender
from reddit_mcp.watches.webhooks.webhook_signing import SigningSecrets


@dataclass(frozen=True, slots=True)
class DeliveryPipeline:
    """Who tells of matches, and what the owners of watches may ask about that."""

    messenger: MatchDelivery
    receivers: WebhookReceivers


@contextlib.asynccontextmanager
async def open_delivery_pipeline(
    store: Store,
    secrets: MasterSecrets,
    breakers: BreakerRegistry,
    jobs: BackgroundJobs,
    notices: PubSub,
    clock: Clock,
    *,
    development: bool,
) -> AsyncIterator[DeliveryPipeline]:
    """Open the way of matches; the jobs must not run yet, and must end before it."""
    addresses, signing, deliveries = (
        AddressCheck(development=development),
        SigningSecrets(secrets),
        DeliveryRecords(store),
    )
    async with WebhookSender(addresses, breakers) as webhooks:
        messenger = MatchDelivery(WatchStore(store), deliveries, webhooks, signing, jobs, notices, clock)
        yield DeliveryPipeline(messenger, WebhookReceivers(addresses, signing, deliveries))
