"""A house that polls, on a store without leaks."""

from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeServer

from tests.support.redis_store import PREFIX, assert_no_leaks, fake_store
from tests.support.watches import House, Told, house


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def home(server: FakeServer, told: Told) -> AsyncIterator[House]:
    async with house(fake_store(server), told) as home:
        yield home
        if server.connected:
            async with home.store.visit() as redis:
                await assert_no_leaks(redis, PREFIX)
