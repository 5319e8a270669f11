"""Two replicas without a clock of their own, over one upstream whose gate is closed at first."""

from collections.abc import AsyncIterator

import pytest

from reddit_mcp.storage.redis.connection import Store
from tests.support.cache_layers import Layers, Upstream, layers


@pytest.fixture
def upstream() -> Upstream:
    upstream = Upstream()
    upstream.gate.clear()
    return upstream


@pytest.fixture
async def replica(store: Store, upstream: Upstream) -> AsyncIterator[Layers]:
    async with layers(store, upstream) as replica:
        yield replica


@pytest.fixture
async def other(store: Store, upstream: Upstream) -> AsyncIterator[Layers]:
    """Another replica with the same upstream."""
    async with layers(store, upstream) as replica:
        yield replica
