"""Opening the store that the settings name."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from redis.asyncio import Redis

from reddit_mcp.settings import Settings
from reddit_mcp.storage.connection import Store, connect


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Open REDIS_URL, or the embedded store of DATA_DIR; a Redis that is away does not hinder the opening.

    Raises:
        Unavailable: the embedded store cannot start.
        ValueError: REDIS_URL has a bad option.
    """
    url = settings.redis_url.get_secret_value() if settings.redis_url else None
    timeout = settings.redis_timeout
    client = nullcontext(connect(url, timeout=timeout)) if url else _own(settings)
    async with (
        client as redis,
        Store(redis, prefix=settings.redis_key_prefix, timeout=timeout, cluster_url=url) as store,
    ):
        yield store


@asynccontextmanager
async def open_cache_store(settings: Settings, store: Store) -> AsyncIterator[Store]:
    """Open REDIS_CACHE_URL, which may evict; without one, cached answers go to the store itself."""
    if settings.redis_cache_url is None:
        yield store
        return
    url, timeout = settings.redis_cache_url.get_secret_value(), settings.redis_timeout
    prefix = settings.redis_key_prefix
    async with (
        connect(url, timeout=timeout) as redis,
        Store(redis, prefix=prefix, timeout=timeout, cluster_url=url) as own,
    ):
        yield own


@asynccontextmanager
async def _own(settings: Settings) -> AsyncIterator[Redis]:
    if sys.platform == "win32":
        from reddit_mcp.storage.volatile import volatile  # fakeredis is installed there alone

        yield volatile()
    else:
        from reddit_mcp.storage.embedded import embedded  # flock exists on Unix alone

        async with embedded(settings.data_dir) as url:
            yield connect(url, timeout=settings.redis_timeout)
