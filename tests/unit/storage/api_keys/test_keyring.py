import os
from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.api_keys import keyring
from reddit_mcp.storage.api_keys.api_key import ApiKey
from reddit_mcp.storage.api_keys.key_store import DAY, TOPIC, KeyStore
from reddit_mcp.storage.api_keys.keyring import OUTAGE_SECONDS, TRUST_SECONDS, Keyring, Verified
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets
from reddit_mcp.storage.redis import connection
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.pubsub import PubSub
from tests.support.clocks import Clock
from tests.support.redis_store import fake_store, until


class CountedKeys(KeyStore):
    looked_up = 0

    async def find(self, key: str) -> ApiKey | None:
        self.looked_up += 1
        return await super().find(key)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setattr(connection, "AWAY_SECONDS", 0.0)
    return FakeServer()


@pytest.fixture
async def store(server: FakeServer) -> AsyncIterator[Store]:
    async with fake_store(server) as store:
        yield store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(store: Store, clock: Clock) -> CountedKeys:
    return CountedKeys(store, MasterSecrets([os.urandom(32)]), clock)


@pytest.fixture
def notices(store: Store) -> PubSub:
    return PubSub(store)


@pytest.fixture
def ring(keys: CountedKeys, notices: PubSub, clock: Clock) -> Keyring:
    return Keyring(keys, notices, clock)


async def test_a_verified_key_is_trusted_for_five_minutes(ring: Keyring, keys: CountedKeys, clock: Clock) -> None:
    issued = await keys.create("ada", "n", "pro")
    assert not ring.knows(issued.key)
    for _ in range(3):
        assert await ring.verify(issued.key) == Verified(issued.record)
    assert ring.knows(issued.key)
    assert keys.looked_up == 1
    clock.now += TRUST_SECONDS
    assert await ring.verify(issued.key)
    assert keys.looked_up == 2


async def test_a_key_that_does_not_work_is_looked_up_every_time(ring: Keyring, keys: CountedKeys) -> None:
    for _ in range(3):
        assert await ring.verify("wrong") is None
        assert not ring.knows("wrong")
    assert keys.looked_up == 3


async def test_a_key_that_expires_meanwhile_is_looked_up_as_any_wrong_one(
    ring: Keyring, keys: CountedKeys, clock: Clock
) -> None:
    issued = await keys.create("ada", "n", "pro", days=1)
    clock.now += DAY - 1
    assert await ring.verify(issued.key)
    clock.now += 1
    assert not ring.knows(issued.key)
    assert await ring.verify(issued.key) is None
    assert keys.looked_up == 2


async def test_a_notice_ends_a_revoked_key_s_trust(ring: Keyring, keys: CountedKeys, notices: PubSub) -> None:
    issued, other = await keys.create("ada", "n", "pro"), await keys.create("bob", "n", "pro")
    async with notices:
        await settled(ring, keys, other.key)
        await ring.verify(issued.key)
        await keys.revoke(issued.record.id)
        await until(lambda: not ring.knows(issued.key))
    assert ring.knows(other.key)
    assert await ring.verify(issued.key) is None


async def settled(ring: Keyring, keys: CountedKeys, key: str) -> None:
    """Wait for the subscription, whose beginning ends all trust."""
    await ring.verify(key)
    await until(lambda: ring._heard_count > 0)
    await ring.verify(key)
    keys.looked_up = 0


async def test_missed_notices_end_all_trust_but_not_the_memory_for_an_outage(
    ring: Keyring, keys: CountedKeys, notices: PubSub, server: FakeServer
) -> None:
    issued = await keys.create("ada", "n", "pro")
    await ring.verify(issued.key)
    notices._missed()
    assert await ring.verify(issued.key)
    assert keys.looked_up == 2
    notices._missed()
    server.connected = False
    assert await ring.verify(issued.key) == Verified(issued.record, confirmed=False)


async def test_a_key_revoked_while_it_was_looked_up_is_not_trusted(
    ring: Keyring, keys: CountedKeys, notices: PubSub, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = await keys.create("ada", "n", "pro")
    find = keys.records.find

    async def overtaken(digests: object) -> object:
        stored = await find(digests)  # type: ignore[arg-type]
        await keys.revoke(issued.record.id)
        notices._pass_on("message", f"{TOPIC} {issued.record.id}".encode())
        return stored

    monkeypatch.setattr(keys._look_ups, "_find", overtaken)
    await ring.verify(issued.key)
    assert not ring.knows(issued.key)


async def test_through_an_outage_a_key_seen_within_the_hour_stays_valid(
    ring: Keyring, keys: CountedKeys, server: FakeServer, clock: Clock
) -> None:
    issued = await keys.create("ada", "n", "pro")
    await ring.verify(issued.key)
    server.connected = False
    for _ in range(5):  # as long as it is used
        clock.now += OUTAGE_SECONDS
        assert await ring.verify(issued.key) == Verified(issued.record, confirmed=False)
    clock.now += OUTAGE_SECONDS + 1
    with pytest.raises(Unavailable):
        await ring.verify(issued.key)
    server.connected = True
    assert await ring.verify(issued.key) == Verified(issued.record)


async def test_in_an_outage_an_unknown_or_revoked_or_expired_key_is_not_let_in(
    ring: Keyring, keys: CountedKeys, notices: PubSub, server: FakeServer, clock: Clock
) -> None:
    revoked, expiring = await keys.create("ada", "n", "pro"), await keys.create("ada", "n", "pro", days=1)
    await ring.verify(revoked.key)
    await ring.verify(expiring.key)
    notices._pass_on("message", f"{TOPIC} {revoked.record.id}".encode())
    server.connected = False
    clock.now += DAY
    for key in (revoked.key, expiring.key, "wrong"):
        with pytest.raises(Unavailable):
            await ring.verify(key)


async def test_the_least_recently_used_key_is_forgotten_first(
    ring: Keyring, keys: CountedKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "MOST_KEYS", 2)
    first, second, third = [(await keys.create("ada", "n", "pro")).key for _ in range(3)]
    for key in (first, second, first, third):
        await ring.verify(key)
    assert [ring.knows(key) for key in (first, second, third)] == [True, False, True]


async def test_uses_are_written_at_the_end(ring: Keyring, keys: CountedKeys, clock: Clock) -> None:
    issued = await keys.create("ada", "n", "pro")
    async with ring:
        await ring.verify(issued.key)
        clock.now += 7
        await ring.verify(issued.key)
        assert (await keys.list())[0].last_used_utc is None
    assert (await keys.list())[0].last_used_utc == 1_000_007


async def test_uses_are_written_in_between_and_kept_through_an_outage(
    ring: Keyring, keys: CountedKeys, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "_WRITE_SECONDS", 0.01)
    issued = await keys.create("ada", "n", "pro")
    await ring.verify(issued.key)
    server.connected = False
    await ring._write()
    assert ring._used
    server.connected = True
    async with ring:
        await until(lambda: not ring._used)
    assert (await keys.list())[0].last_used_utc == 1_000_000


async def test_closing_a_ring_without_redis_raises_nothing(
    ring: Keyring, keys: CountedKeys, server: FakeServer
) -> None:
    issued = await keys.create("ada", "n", "pro")
    async with ring:
        await ring.verify(issued.key)
        server.connected = False
