import asyncio
from collections.abc import Sequence

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.api_keys import key_lookups
from reddit_mcp.storage.api_keys.key_lookups import Digests, KeyLookups
from tests.support.redis_store import until


class Store:
    """What a batch finds: each key's own digest in capitals."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.go_on = asyncio.Event()
        self.failure: Exception | None = None

    async def find(self, keys: Sequence[Digests]) -> list[str]:
        self.batches.append([digests[0] for digests in keys])
        await self.go_on.wait()
        if self.failure:
            raise self.failure
        return [digests[0].upper() for digests in keys]


@pytest.fixture
def store() -> Store:
    return Store()


def asked(store: Store, names: str) -> tuple[KeyLookups[str], list[asyncio.Task[str]]]:
    """The first one's look-up is on its way; the others come a moment later."""
    gathering = KeyLookups(store.find)
    return gathering, [asyncio.create_task(gathering.find([name])) for name in names]


async def test_those_that_come_together_share_a_round_trip_and_each_gets_its_own(store: Store) -> None:
    gathering, first = asked(store, "a")
    await until(lambda: bool(store.batches))
    others = [asyncio.create_task(gathering.find([name])) for name in "bcd"]
    await asyncio.sleep(0)
    store.go_on.set()
    assert await asyncio.gather(*first, *others) == ["A", "B", "C", "D"]
    assert store.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_has_its_limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_lookups, "MOST", 2)
    store.go_on.set()
    _, tasks = asked(store, "abcde")
    assert await asyncio.gather(*tasks) == list("ABCDE")
    assert store.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_flood_costs_no_more_scripts_than_its_time_allows(store: Store) -> None:
    store.go_on.set()
    loop = asyncio.get_running_loop()
    gathering, started = KeyLookups(store.find), loop.time()
    for number in range(200):
        await gathering.find([str(number)])  # one after the other: nothing to gather
        if loop.time() - started > 10 * key_lookups.SECONDS_BETWEEN:
            break
    assert len(store.batches) <= (loop.time() - started) / key_lookups.SECONDS_BETWEEN + 2


async def test_a_failure_is_everybody_s_and_the_next_one_tries_again(store: Store) -> None:
    store.failure = Unavailable("away", reason="store_away")
    store.go_on.set()
    gathering, tasks = asked(store, "ab")
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, Unavailable)
    store.failure = None
    assert await gathering.find(["c"]) == "C"


@pytest.mark.parametrize("failure", [None, Unavailable("away")])
async def test_one_who_hangs_up_hinders_nobody(store: Store, failure: Exception | None) -> None:
    _, (gone, stays) = asked(store, "ab")
    await until(lambda: bool(store.batches))
    gone.cancel()
    await asyncio.sleep(0)
    store.failure = failure
    store.go_on.set()
    (outcome,) = await asyncio.gather(stays, return_exceptions=True)
    assert outcome == "B" if failure is None else outcome is failure


async def test_nobody_is_looked_up_who_hung_up_before(store: Store) -> None:
    gathering, (first,) = asked(store, "a")
    await until(lambda: bool(store.batches))
    gone = asyncio.create_task(gathering.find(["b"]))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    store.go_on.set()
    assert await first == "A"
    assert await gathering.find(["c"]) == "C"
    assert store.batches == [["a"], ["c"]]
