"""What is written down about charges: intents of a run, and which matches are charged."""

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.accounting.billed_matches import HOLDER_SECONDS, REPEATABLE_SECONDS, BilledMatches
from reddit_mcp.storage.accounting.charge_ledger import ChargeLedger, Intent
from tests.support.billing_platform import Clock
from tests.support.redis_store import PREFIX, assert_no_leaks, fake_store

INTENT = Intent("key-1", "tool-call", "ada", 12.5)


async def test_an_intent_is_there_until_it_is_cleared() -> None:
    async with fake_store() as store:
        ledger, other = ChargeLedger(store, "run-1"), ChargeLedger(store, "run-2")
        await ledger.write([INTENT, Intent("key-2", "watch-match", "bob", 13.0)])
        assert set(await ledger.intents()) == {INTENT, Intent("key-2", "watch-match", "bob", 13.0)}
        assert await other.intents() == ()
        await ledger.clear(["key-2"])
        assert await ledger.intents() == (INTENT,)
        async with store.visit() as redis:
            await assert_no_leaks(redis, PREFIX)


async def test_a_match_is_claimed_once() -> None:
    async with fake_store() as store:
        matches = BilledMatches(store, Clock())
        assert await matches.claim(["a", "b"]) == ("a", "b")
        assert await matches.claim(["b", "c"]) == ("c",)
        async with store.visit() as redis:
            await assert_no_leaks(redis, PREFIX)


@pytest.mark.parametrize(
    ("age", "free"),
    [(HOLDER_SECONDS - 1, False), (HOLDER_SECONDS + 1, True), (REPEATABLE_SECONDS + 1, False)],
    ids=["its holder may be at it", "its holder is gone", "the platform may have forgotten the key"],
)
async def test_a_claim_may_be_taken_over_while_its_charge_may_be_repeated(age: float, *, free: bool) -> None:
    async with fake_store() as store:
        clock = Clock()
        matches = BilledMatches(store, clock)
        await matches.claim(["a"])
        clock.seconds += age
        assert await matches.claim(["a"]) == (("a",) if free else ())


async def test_a_charged_match_is_never_claimed_again_and_a_released_one_is() -> None:
    async with fake_store() as store:
        clock = Clock()
        matches = BilledMatches(store, clock)
        await matches.claim(["a", "b"])
        await matches.confirm(["a"])
        await matches.release(["b"])
        clock.seconds += HOLDER_SECONDS + 1
        assert await matches.claim(["a", "b"]) == ("b",)


async def test_nothing_to_do_asks_nobody() -> None:
    store = fake_store(timeout=0.001)
    await store.__aexit__(None, None, None)
    matches = BilledMatches(store)
    assert await matches.claim([]) == ()
    await matches.confirm([])
    await matches.release([])


async def test_redis_away_is_said() -> None:
    from fakeredis import FakeServer

    server = FakeServer()
    server.connected = False
    ledger = ChargeLedger(fake_store(server), "run-1")
    with pytest.raises(Unavailable):
        await ledger.write([INTENT])
    with pytest.raises(Unavailable):
        await ledger.intents()
    with pytest.raises(Unavailable):
        await ledger.clear(["key-1"])
