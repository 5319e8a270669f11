"""A private Valkey or Redis for one DATA_DIR, shared by every process that opens it. Unix only.

The process that gets the lock of the folder starts a server, so two never append to one file, and a server that died is
replaced by any process still there. Nobody owns the server: the end of the process that started it, `kill -9`
included, is no event for the others, and `guard` stops it after the last.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from redis.exceptions import RedisError

from reddit_mcp.errors import Failure, Unavailable
from reddit_mcp.storage.redis.connection import connect
from reddit_mcp.storage.redis.store_files import StoreFiles

START_SECONDS = 10.0
"""How long a start may take, the reading of a long append-only file included."""

_POLL_SECONDS = 0.01
_WATCH_SECONDS = 0.5
_LONGEST_WATCH_SECONDS = 30.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def embedded_store(data_dir: Path) -> AsyncIterator[str]:
    """Join the server of this folder, or start it; yields its `unix://` URL and replaces a server that dies meanwhile.

    Raises:
        Unavailable: no server program is to be had, the folder cannot be written, or the server does not start.
    """
    home = StoreFiles(data_dir)
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(START_SECONDS):
                stack.callback(os.close, await _joined(home))
                url = await _started(home)
        except TimeoutError as error:
            raise _failed("it does not answer") from error
        except OSError as error:
            raise _failed(error.strerror or "the folder cannot be used") from error
        stack.push_async_callback(_stop, asyncio.create_task(_keep(home)))
        yield url


async def _joined(home: StoreFiles) -> int:
    home.prepare()
    # No user is left and the server is just being stopped: nobody in this process could set an event.
    while (user := home.join()) is None:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_SECONDS)
    return user


async def _started(home: StoreFiles) -> str:
    started = False
    while True:
        if started and home.is_dead():
            raise _failed(home.last_words())
        started = await asyncio.to_thread(home.start_if_dead) or started
        if (url := home.url()) and await _answers(url):
            return url
        await asyncio.sleep(_POLL_SECONDS)


async def _answers(url: str) -> bool:
    async with connect(url, timeout=START_SECONDS) as redis:
        try:
            return bool(await redis.ping())
        except RedisError:
            return False


async def _keep(home: StoreFiles) -> None:
    pause = _WATCH_SECONDS
    while True:
        await asyncio.sleep(pause)
        # A server that cannot stay up is not tried twice a second for ever.
        pause = min(2 * pause, _LONGEST_WATCH_SECONDS) if await _was_dead(home) else _WATCH_SECONDS


async def _was_dead(home: StoreFiles) -> bool:
    try:
        dead = await asyncio.to_thread(home.start_if_dead)
    except (OSError, Failure) as error:
        _log.warning("the embedded store has ended and cannot be started again: %s", error)
        return True
    if dead:
        _log.warning("the embedded store had ended and was started again")
    return dead


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _failed(why: str) -> Unavailable:
    return Unavailable(
        f"The embedded store cannot start in DATA_DIR: {why}. Choose another DATA_DIR, or set REDIS_URL.",
        service="redis",
        reason="store_away",
    )
