"""The connection to Redis: a client that fails fast, and a store that remembers for a second that Redis is away."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import TracebackType
from typing import Any, Self, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ClusterDownError, NoPermissionError, RedisClusterException, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from reddit_mcp.errors import Unavailable
from reddit_mcp.event_wait import patience
from reddit_mcp.observability import metrics

MAX_CONNECTIONS = 20
MAX_VISITORS = MAX_CONNECTIONS - 1
"""One connection stays for the subscription to notices."""

AWAY_SECONDS = 1.0
"""How long a Redis that did not answer is left in peace."""

OPENING_SECONDS = 2.0
"""How long the opening of a store waits to learn whether the server is a cluster."""

_HEALTH_CHECK_SECONDS = 30
_AWAY = (RedisConnectionError, RedisTimeoutError, ClusterDownError, RedisClusterException, OSError)


def connect(url: str, *, timeout: float) -> Redis:
    """Build a client for `redis://`, `rediss://` (both with ACL user and password) or `unix://`; nothing is opened yet.

    Answers are bytes, because values may be compressed. RESP 2 saves a handshake and the maintenance notices that
    redis-py subscribes to in RESP 3, which hide a closed connection from its pool. A command is tried once: redis-py's
    own retries take 4.6 s on a refused port.

    Args:
        url: the server; a query string may carry redis-py's options, such as `ssl_ca_certs`.
        timeout: seconds to connect, and seconds to wait for an answer.

    Raises:
        ValueError: the URL has another scheme, or a bad option.
    """
    return Redis.from_pool(ConnectionPool.from_url(url, **_options(timeout)))


@contextmanager
def closed_by_another() -> Iterator[None]:
    """Raise redis-py's ConnectionError where a task's connection was closed by another task in the midst of a command.

    A cluster's client does that when it loses a node; redis-py 8.1 then stumbles over the writer that is gone.
    """
    try:
        yield
    except AttributeError as error:
        if error.name != "writelines" or error.obj is not None:
            raise
        raise RedisConnectionError("The connection was closed.") from error


def _visitors(masters: int) -> int:
    """How many may visit a cluster at once without more than `MAX_CONNECTIONS` over all nodes.

    Connections stay open, so each node comes to have one for each visitor, and one that asked for the slots. With more
    than nine masters it is one visitor at a time, and more connections than that.
    """
    return max(1, MAX_VISITORS // masters - 1)


def _options(timeout: float) -> dict[str, Any]:
    return {
        "max_connections": MAX_CONNECTIONS,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": _HEALTH_CHECK_SECONDS,
        "decode_responses": False,
        "protocol": 2,
    }


class Store:
    """A Redis and the prefix of its keys; an async context manager that closes the client.

    Attributes:
        prefix: stands before every key.
    """

    def __init__(self, redis: Redis, *, prefix: str, timeout: float, cluster_url: str | None = None) -> None:
        """Lend `redis` to visitors, `MAX_VISITORS` of them at once; fewer if it is a cluster.

        Args:
            redis: the client; closed with the store.
            prefix: before every key.
            timeout: seconds a visit may take.
            cluster_url: the server's URL where it may turn out to be a Redis Cluster; the opening asks, or a visit.
        """
        self.prefix = prefix
        self._redis = redis
        self._timeout = timeout
        self._cluster_url = cluster_url
        self._search: asyncio.Task[None] | None = None
        self._places = asyncio.Semaphore(MAX_VISITORS)
        self._away_until: float | None = None

    async def __aenter__(self) -> Self:
        with suppress(RedisError, *_AWAY):  # which the first visit meets again; a timeout is an OSError
            async with asyncio.timeout(OPENING_SECONDS):
                await self._client()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._search:
            self._search.cancel()
            await asyncio.gather(self._search, return_exceptions=True)
        await _close(self._redis)

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Redis]:
        """Lend the client for a few commands that take `timeout` seconds at most, all together.

        Only commands belong inside: an OSError or a timeout there is taken for Redis's.

        Raises:
            Unavailable: Redis does not answer (`store_away`; at once if that was seen within the last second), or
                refuses the command (`store_refused`: out of memory, read-only, no permission).
        """
        self._pass()
        try:
            with closed_by_another():
                async with patience(self._timeout):
                    redis = await self._client()
                    async with self._places:
                        yield redis
        except _AWAY as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            metrics.count(metrics.REDIS_FAILURES, "away")
            raise _away() from error
        except RedisError as error:
            self._away_until = None
            metrics.count(metrics.REDIS_FAILURES, "refused")
            raise Unavailable(
                "The server's store refused a command.", service="redis", reason="store_refused"
            ) from error
        self._away_until = None

    @property
    def is_away(self) -> bool:
        """Whether the last visit found it away."""
        return self._away_until is not None

    async def ping(self) -> float:
        """Measure a round trip in seconds.

        Raises:
            Unavailable: Redis is away.
        """
        started = time.perf_counter()
        async with self.visit() as redis:
            await redis.ping()
        return time.perf_counter() - started

    async def _client(self) -> Redis:
        if self._cluster_url:
            # It takes a cluster's client several connections and the list of all commands, which may be longer than a
            # visit; so the search goes on without the visitor.
            if self._search is None or self._search.done():
                self._search = asyncio.create_task(self._find_cluster(self._cluster_url))
                self._search.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait
            await asyncio.shield(self._search)
        return self._redis

    async def _find_cluster(self, url: str) -> None:
        if await _is_clustered(self._redis):
            # It speaks the same commands, and finds each key's node by the hash tag.
            cluster = RedisCluster.from_url(url, **_options(self._timeout))
            try:
                # Before anybody uses it: redis-py breaks connections when several first commands meet (8.1: 20 of 60).
                await cluster.initialize()
            except BaseException:
                await cluster.aclose()  # it may have reached some of the nodes
                raise
            single, self._redis = self._redis, cast("Redis", cluster)
            self._places = asyncio.Semaphore(_visitors(len(cluster.get_primaries())))
            await single.aclose()
        self._cluster_url = None

    def _pass(self) -> None:
        if self._away_until is None:
            return
        now = time.monotonic()
        if now < self._away_until:
            raise _away()
        # This caller alone tries again; the others wait for its verdict.
        self._away_until = now + self._timeout


async def _close(redis: Redis) -> None:
    await redis.aclose()
    if isinstance(redis, RedisCluster):  # which leaves its connections open if it has lost a node (redis-py 8.1)
        await redis.nodes_manager.aclose()
        await redis.nodes_manager.aclose("startup_nodes")


async def _is_clustered(redis: Redis) -> bool:
    try:
        return bool((await redis.info("cluster")).get("cluster_enabled"))
    except NoPermissionError:
        return await _has_slots(redis)


async def _has_slots(redis: Redis) -> bool:
    """Ask as the cluster's client will do; a user who may not do this cannot use a cluster either."""
    try:
        return bool(await redis.cluster("SLOTS"))
    except ResponseError:
        return False


def _away() -> Unavailable:
    return Unavailable(
        "The server's store does not answer; try again in a few seconds.",
        service="redis",
        reason="store_away",
        retry_after_seconds=AWAY_SECONDS,
    )
