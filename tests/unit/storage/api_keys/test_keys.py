import asyncio
import os
import re

import pytest
from fakeredis import FakeRedis, FakeServer
from structlog.testing import capture_logs

from reddit_mcp.errors import InvalidInput, NotFound, Unavailable
from reddit_mcp.storage.api_keys.api_key import ApiKey
from reddit_mcp.storage.api_keys.key_records import Change, Stored
from reddit_mcp.storage.api_keys.key_store import DAY, DUAL_MODE_DAYS, KeyStore, Refusals
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.keyspace import API_KEYS
from tests.support.clocks import Clock
from tests.support.redis_store import PREFIX, fake_store
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414

ONE, OTHER = os.urandom(32), os.urandom(32)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(store: Store, clock: Clock) -> KeyStore:
    return KeyStore(store, MasterSecrets([ONE]), clock)


def everything_in(server: FakeServer) -> str:
    redis = FakeRedis(server=server)
    return " ".join(f"{key!r} {redis.hgetall(key)!r}" for key in redis.scan_iter())


async def test_a_key_is_random_recognisable_and_never_stored(keys: KeyStore, server: FakeServer) -> None:
    issued = [await keys.create("ada", "laptop", "pro") for _ in range(20)]
    assert len({each.key for each in issued}) == len({each.record.id for each in issued}) == 20
    assert all(re.fullmatch(r"rmcp_[A-Za-z0-9_-]{43}", each.key) for each in issued)
    assert not any(each.key in everything_in(server) or each.key[5:] in everything_in(server) for each in issued)
    assert issued[0].key not in repr(issued[0])


async def test_a_key_is_found_as_it_was_made(keys: KeyStore) -> None:
    issued = await keys.create("ada", "laptop", "pro", "operator", 3)
    found = await keys.find(issued.key)
    assert found == issued.record
    assert (found.user, found.name, found.tier, found.role) == ("ada", "laptop", "pro", "operator")
    assert (found.created_utc, found.expires_utc) == (1_000_000, 1_000_000 + 3 * DAY)


@pytest.mark.parametrize("name", ["", " ", "a b", "a:b", "x" * 101, "a\n"])
async def test_names_are_plain(keys: KeyStore, name: str) -> None:
    with pytest.raises(InvalidInput, match="user must be"):
        await keys.create(name, "n", "pro")
    with pytest.raises(InvalidInput, match="name must be"):
        await keys.create("ada", name, "pro")


async def test_an_id_that_is_taken_is_drawn_again(keys: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["aa", "aa", "bb"])
    monkeypatch.setattr("reddit_mcp.storage.api_keys.key_store.new_id", lambda: next(ids))
    first, second = await keys.create("ada", "n", "pro"), await keys.create("bob", "n", "pro")
    assert await keys.find(first.key) == first.record
    assert (await keys.find(second.key) or first.record).user == "bob"


@pytest.mark.parametrize("presented", ["", "rmcp_", "nonsense", "é", "x" * 70_000, "rmcp_" + "a" * 43])
async def test_an_unknown_key_is_not_found(keys: KeyStore, presented: str) -> None:
    await keys.create("ada", "n", "pro")
    assert await keys.find(presented) is None


async def test_a_key_stops_working_when_it_expires(keys: KeyStore, clock: Clock) -> None:
    issued = await keys.create("ada", "n", "pro", days=1)
    clock.now += DAY - 1
    assert await keys.find(issued.key)
    clock.now += 1
    assert await keys.find(issued.key) is None
    assert (await keys.list())[0].state(clock()) == "expired"


async def test_a_revoked_key_stops_working_and_stays_listed(keys: KeyStore, clock: Clock) -> None:
    issued = await keys.create("ada", "n", "pro")
    revoked = await keys.revoke(issued.record.id)
    assert await keys.find(issued.key) is None
    clock.now += 5
    assert await keys.revoke(issued.record.id) == revoked  # when it was revoked stays
    assert [record.state(clock()) for record in await keys.list()] == ["revoked"]


async def test_a_rotated_key_and_its_successor_work_for_a_while(keys: KeyStore, clock: Clock) -> None:
    issued = await keys.create("ada", "n", "pro", "operator", 30)
    clock.now += 10 * DAY
    (rotation,) = await keys.rotate(issued.record.id)
    new = rotation.new.record
    assert rotation.new.key != issued.key
    assert (new.user, new.name, new.tier, new.role) == ("ada", "n", "pro", "operator")
    assert new.expires_utc == int(clock.now) + 30 * DAY
    assert (rotation.old.rotated_to, rotation.old.state(clock())) == (new.id, "rotated")
    assert await keys.find(issued.key) == rotation.old
    clock.now += DUAL_MODE_DAYS * DAY
    assert await keys.find(issued.key) is None
    assert await keys.find(rotation.new.key) == new


async def test_only_an_active_key_can_be_rotated(keys: KeyStore, clock: Clock) -> None:
    rotated, revoked, expired = [await keys.create("ada", "n", "pro", days=1) for _ in range(3)]
    await keys.rotate(rotated.record.id)
    await keys.revoke(revoked.record.id)
    clock.now += DAY
    for issued, state in ((rotated, "expired"), (revoked, "revoked"), (expired, "expired")):
        with pytest.raises(InvalidInput, match=f"is {state}"):
            await keys.rotate(issued.record.id)


async def test_all_active_keys_are_rotated_together(keys: KeyStore) -> None:
    assert await keys.rotate_all() == ()
    issued = [await keys.create(user, "n", "pro") for user in ("ada", "bob", "eve")]
    await keys.revoke(issued[2].record.id)
    rotations = await keys.rotate_all()
    assert sorted(rotation.old.user for rotation in rotations) == ["ada", "bob"]
    assert all([await keys.find(rotation.new.key) for rotation in rotations])
    assert [record.user for record in await keys.list()].count("eve") == 1


async def test_an_unknown_id_is_not_found(keys: KeyStore) -> None:
    for action in (keys.revoke, keys.rotate):
        with pytest.raises(NotFound, match="keys list"):
            await action("nobody")


async def test_actions_at_once_lose_nothing(keys: KeyStore, clock: Clock) -> None:
    issued = await keys.create("ada", "n", "pro")
    outcomes = await asyncio.gather(
        keys.rotate(issued.record.id), keys.rotate(issued.record.id), keys.rotate_all(), return_exceptions=True
    )
    made = [rotation for outcome in outcomes if isinstance(outcome, tuple) for rotation in outcome]
    assert sum(rotation.old.id == issued.record.id for rotation in made) == 1
    assert not [
        outcome for outcome in outcomes if isinstance(outcome, Exception) and not isinstance(outcome, InvalidInput)
    ]


async def test_a_revocation_between_reading_and_writing_holds(
    keys: KeyStore, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = await keys.create("ada", "n", "pro")
    read = keys.records.read
    seen: list[Stored | None] = []

    async def read_and_be_overtaken(key_id: str) -> Stored | None:
        seen.append(stored := await read(key_id))
        if len(seen) == 1:
            await KeyStore(store, MasterSecrets([ONE]), clock).revoke(key_id)
        return stored

    monkeypatch.setattr(keys.records, "read", read_and_be_overtaken)
    with pytest.raises(InvalidInput, match="is revoked"):
        await keys.rotate(issued.record.id)
    assert await keys.find(issued.key) is None


async def test_an_older_master_still_verifies_and_the_record_gets_the_newer_digest(store: Store, clock: Clock) -> None:
    issued = await KeyStore(store, MasterSecrets([OTHER]), clock).create("ada", "n", "pro")
    assert await KeyStore(store, MasterSecrets([ONE]), clock).find(issued.key) is None
    found = await KeyStore(store, MasterSecrets([ONE, OTHER]), clock).find(issued.key)
    assert found
    assert len(found.digests) == 2
    assert await KeyStore(store, MasterSecrets([ONE]), clock).find(issued.key) == found  # the older one may go
    assert (
        await KeyStore(store, MasterSecrets([OTHER]), clock).find(issued.key) == found
    )  # on a replica not yet restarted


async def test_a_digest_that_leads_to_another_key_s_record_opens_nothing(keys: KeyStore, store: Store) -> None:
    issued = await keys.create("ada", "n", "operator")
    forged = issued.record.model_copy(update={"digests": (keys.peppers.digest("mine"),)})
    async with store.visit() as redis:
        raw = await redis.hget(API_KEYS.key(PREFIX, "all"), issued.record.id)
    assert raw
    await keys.records.commit([Change(raw, forged)])
    assert await keys.find(issued.key) is None


async def test_uses_are_listed(keys: KeyStore) -> None:
    first, second = await keys.create("ada", "n", "pro"), await keys.create("bob", "n", "pro")
    await keys.records.note_uses({second.record.id: 1_000_007})
    assert {record.id: record.last_used_utc for record in await keys.list()} == {
        first.record.id: None,
        second.record.id: 1_000_007,
    }


@pytest.mark.parametrize("stored", [b"", b"{}", b"\xff", b"[1]", b'{"id": 5}'])
async def test_a_record_that_cannot_be_read_hinders_nothing(keys: KeyStore, server: FakeServer, stored: bytes) -> None:
    issued = await keys.create("ada", "n", "pro")
    FakeRedis(server=server).hset(API_KEYS.key(PREFIX, "all"), "broken", stored)
    assert await keys.list() == (issued.record,)
    assert len(await keys.rotate_all()) == 1
    with pytest.raises(NotFound):
        await keys.revoke("broken")


async def test_without_redis_every_action_fails_closed(keys: KeyStore, server: FakeServer) -> None:
    issued = await keys.create("ada", "n", "pro")
    server.connected = False
    for action in (
        keys.create("bob", "n", "pro"),
        keys.list(),
        keys.revoke(issued.record.id),
        keys.rotate(issued.record.id),
        keys.rotate_all(),
        keys.find(issued.key),
    ):
        with pytest.raises(Unavailable):
            await action


async def test_a_rehash_that_fails_does_not_lock_out(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = await KeyStore(store, MasterSecrets([OTHER]), clock).create("ada", "n", "pro")
    newer = KeyStore(store, MasterSecrets([ONE, OTHER]), clock)

    async def away(_changes: object) -> bool:
        raise Unavailable("away")

    monkeypatch.setattr(newer.records, "commit", away)
    assert await newer.find(issued.key)


def test_the_earlier_end_counts() -> None:
    record = ApiKey(id="a", user="u", name="n", tier="pro", created_utc=0, digests=("d",))
    assert record.ends_utc is None
    assert record.model_copy(update={"expires_utc": 9, "valid_until_utc": 5}).ends_utc == 5
    assert record.model_copy(update={"expires_utc": 3, "valid_until_utc": 5}).ends_utc == 3


async def test_nobody_gets_the_name_of_the_caller_without_keys() -> None:
    async with fake_store() as store:
        with pytest.raises(InvalidInput, match="local"):
            await KeyStore(store, MasterSecrets([b"m" * 32])).create("local", "laptop", "pro")


def test_a_flood_of_unknown_keys_is_a_line_a_second_that_counts_them(clock: Clock) -> None:
    refusals = Refusals(clock)
    with capture_logs() as lines:
        for _ in range(100):
            refusals.note("unknown", None)
        refusals.note("revoked", "abc")  # somebody's: each is told
        clock.now += 1
        refusals.note("unknown", None)
    assert [(line["reason"], line.get("count"), line.get("key_id")) for line in lines] == [
        ("unknown", 1, None),
        ("revoked", None, "abc"),
        ("unknown", 100, None),
    ]


async def test_keys_presented_together_are_found_together(keys: KeyStore, store: Store) -> None:
    """Each its own record, also where one of them is known under an older pepper alone."""
    older = KeyStore(store, MasterSecrets([OTHER]))
    made = [
        await keys.create("ada", "n", "pro"),
        await older.create("bob", "n", "free"),
        await keys.create("eve", "n", "pro"),
    ]
    newer = KeyStore(store, MasterSecrets([ONE, OTHER]))
    presented = [made[0].key, "wrong", made[1].key, "", made[2].key]
    found = await asyncio.gather(*(newer.find(key) for key in presented))
    assert [record and record.user for record in found] == ["ada", None, "bob", None, "eve"]
