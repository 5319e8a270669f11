"""Opening the store that the settings name."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from redis.asyncio import Redis

from reddit_mcp.settings import Settings
from reddit_mcp.storage.redis.connection import Store, connect


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Open REDIS_URL, or the embedded store of DATA_DIR; a Redis that is away does not prevent it.

    Raises:
        Unavailable: the embedded store cannot start.
        ValueError: REDIS_URL has a bad option.
    """
    url = settings.redis.url.get_secret_value() if settings.redis.url else None
    timeout = settings.redis.timeout
    client = nullcontext(connect(url, timeout=timeout)) if url else _own(settings)
    async with (
        client as redis,
        Store(redis, prefix=settings.redis.key_prefix, timeout=timeout, cluster_url=url) as store,
    ):
        yield store


@asynccontextmanager
async def open_cache_store(settings: Settings, store: Store) -> AsyncIterator[Store]:
    """Open REDIS_CACHE_URL, which may evict; without one, cached answers go to the store itself."""
    if settings.redis.cache_url is None:
        yield store
        return
    url, timeout = settings.redis.cache_url.get_secret_value(), settings.redis.timeout
    prefix = settings.redis.key_prefix
    async with (
        connect(url, timeout=timeout) as redis,
        Store(redis, prefix=prefix, timeout=timeout, cluster_url=url) as own,
    ):
        yield own


@asynccontextmanager
async def _own(settings: Settings) -> AsyncIterator[Redis]:
    if sys.platform == "win32":
        from reddit_mcp.storage.redis.in_process_store import in_process_store  # fakeredis is installed there alone

        yield in_process_store()
    else:
        from reddit_mcp.storage.redis.embedded_store import embedded_store  # flock exists on Unix alone

        async with embedded_store(settings.data_dir) as url:
            yield connect(url, timeout=settings.redis.timeout)
