"""What carries matches to the world, put together."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from reddit_mcp.reddit.breakers import Breakers
from reddit_mcp.storage.connection import Store
from reddit_mcp.storage.deliveries import Deliveries
from reddit_mcp.storage.notices import Notices
from reddit_mcp.storage.secrets import Secrets
from reddit_mcp.storage.watches import Watches
from reddit_mcp.watches.addresses import Addresses
from reddit_mcp.watches.delivery import Messenger
from reddit_mcp.watches.jobs import Jobs
from reddit_mcp.watches.ports import Clock
from reddit_mcp.watches.receivers import Receivers
from reddit_mcp.watches.signing import SigningSecrets
from reddit_mcp.watches.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Carriage:
    """Who tells of matches, and what the owners of watches may ask about that."""

    messenger: Messenger
    receivers: Receivers


@contextlib.asynccontextmanager
async def open_carriage(
    store: Store,
    secrets: Secrets,
    breakers: Breakers,
    jobs: Jobs,
    notices: Notices,
    clock: Clock,
    *,
    development: bool,
) -> AsyncIterator[Carriage]:
    """Open the way of matches; the jobs must not run yet, and must end before it."""
    addresses, signing, deliveries = Addresses(development=development), SigningSecrets(secrets), Deliveries(store)
    async with Webhooks(addresses, breakers) as webhooks:
        messenger = Messenger(Watches(store), deliveries, webhooks, signing, jobs, notices, clock)
        yield Carriage(messenger, Receivers(addresses, signing, deliveries))
