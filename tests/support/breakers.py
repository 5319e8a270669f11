"""What the tests of the circuit breakers share."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import Failure, Unavailable, UpstreamError
from reddit_mcp.models import Subreddit
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_breaker import Breaker
from reddit_mcp.upstream.source import Answer, Query
from tests.support.redis_store import fake_store

QUERY = Query(kind="subreddit", model=Subreddit, resource="community r/lua", path="/r/lua/about")


class Away:
    """A Redis that comes and goes."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.store = fake_store(self.server)

    def leave(self) -> None:
        self.server.connected = False

    def come_back(self) -> None:
        self.server.connected = True
        self.store._away_until = None


@pytest.fixture
async def away() -> AsyncIterator[Away]:
    found = Away()
    async with found.store:
        yield found


@pytest.fixture
async def breakers(away: Away) -> AsyncIterator[BreakerRegistry]:
    found = BreakerRegistry(away.store)
    yield found
    await found.aclose()


def down() -> UpstreamError:
    return UpstreamError("Reddit is having trouble (HTTP 503); try again later.", status_code=503)


class Gate:
    """A Source that holds each request until it is told its fate."""

    def __init__(self) -> None:
        self.held: list[asyncio.Future[None]] = []

    async def fetch(self, query: Query[Any]) -> Answer[Any]:
        fate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held.append(fate)
        await fate
        return Answer(Subreddit(name="lua"), calls=1)


async def through(breaker: Breaker, error: BaseException | None = None) -> None:
    async with breaker.guard():
        if error:
            raise error


async def fail(breaker: Breaker, times: int = 5, error: type[Failure] = UpstreamError) -> None:
    for _ in range(times):
        with pytest.raises(error):
            await through(breaker, error("Reddit is having trouble"))


async def refused(breaker: Breaker) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await through(breaker)
    return caught.value
