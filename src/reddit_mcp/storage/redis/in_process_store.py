"""A store inside this process, where no server program runs (Windows)."""

import logging

from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

_log = logging.getLogger(__name__)


def in_process_store() -> Redis:
    """Build it, with a warning: nothing survives a restart, and no other process sees it."""
    _log.warning("no Redis here: watches, keys and limits live in this process and are lost at its end; set REDIS_URL")
    return FakeAsyncRedis(protocol=2)
