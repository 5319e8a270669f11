"""Polls of very many watches, of none, and of one that is ill."""

import pytest

from reddit_mcp.storage.watches.match_store import MatchKeys
from reddit_mcp.storage.watches.poll_records import Due, Outcome, PollRecords
from reddit_mcp.watches.polling.poll_grouping import LONGEST_QUERY, queries
from tests.support.polling_setup import home as home  # noqa: PLC0414 - fixtures
from tests.support.polling_setup import server as server  # noqa: PLC0414
from tests.support.polling_setup import told as told  # noqa: PLC0414
from tests.support.redis_store import PREFIX
from tests.support.watches import NOW, House, Told


async def test_without_watches_reddit_is_not_asked(home: House) -> None:
    await home.polling.poll()
    watch = await home.watch("rust")
    await home.watches.set_status("ada", watch.watch_id, "paused")
    await home.polling.poll()
    assert home.reddit.queries == []
    assert await home.polls.next_due() is None


async def test_a_thousand_watches_share_a_few_requests(home: House, told: Told) -> None:
    watches = [
        await home.watch(f"word{number}", owner=f"owner{number % 7}", subreddits=(f"community{number % 40}",))
        for number in range(1000)
    ]
    for number in range(0, 1000, 10):
        home.reddit.add(number, f"about word{number}", NOW - 1, f"community{number % 40}")
    await home.after(0)
    assert len(home.reddit.queries) == 1
    assert len(told.matches) == 100
    now = [await home.watches.get(watch.owner, watch.watch_id) for watch in watches]
    assert {(watch.last_checked_utc, watch.next_check_utc) for watch in now} == {(NOW, NOW + 300)}
    assert [watch.keywords for watch in now if watch.matches] == [(f"word{number}",) for number in range(0, 1000, 10)]


async def test_one_ill_watch_holds_up_no_other(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ill, well = await home.watch("rust"), await home.watch("rust")
    home.reddit.add(1, "rust", NOW)
    store = PollRecords.store

    async def failing(self: PollRecords, due: Due, outcome: Outcome) -> object:
        if due.watch.watch_id == ill.watch_id:
            raise ValueError("a bug")
        return await store(self, due, outcome)

    with monkeypatch.context() as broken:
        broken.setattr(PollRecords, "store", failing)
        await home.after(0)
    assert (await home.found(ill), await home.found(well)) == ([], ["p1"])
    assert (await home.watches.get("ada", ill.watch_id)).next_check_utc == NOW + 60
    await home.after(1)
    assert await home.found(ill) == ["p1"]


async def test_a_stored_match_that_cannot_be_read_is_passed_over(home: House, told: Told) -> None:
    watch = await home.watch("rust")
    for number in range(4):
        home.reddit.add(number, "rust", NOW - number)
    told.failure = RuntimeError("no way")
    await home.after(0)
    keys = MatchKeys.of(PREFIX, "ada", watch.watch_id)
    async with home.store.visit() as redis:
        await redis.hset(keys.bodies, f"{watch.watch_id}-p1", "{}")
    told.failure = None
    await home.after(5)
    assert {match.post["id"] for match in told.matches} == {"p0", "p2", "p3"}
    first = await home.watches.matches("ada", watch.watch_id, limit=2)
    second = await home.watches.matches("ada", watch.watch_id, first.after or "", limit=2)
    assert (len(first.matches) + len(second.matches), second.after) == (3, None)


@pytest.mark.parametrize(
    ("keyword", "phrase"),
    [
        ("rust AND (go)", '"rust AND (go)"'),
        ("author:spez", '"author:spez"'),
        ('say "hi" now', '"say hi now"'),
        ("ends in \\", '"ends in"'),
        ("\u201ccurly\u201d", '"curly"'),
        ("two\nlines", '"two lines"'),
        ("-not", '"-not"'),
        ("c++", '"c++"'),
    ],
)
def test_a_keyword_is_searched_for_as_a_phrase_without_operators(keyword: str, phrase: str) -> None:
    assert queries(["first", keyword]) == [(f'"first" OR {phrase}', ("first", keyword))]


def test_a_keyword_of_quotes_alone_is_not_searched_for_and_long_ones_stand_alone() -> None:
    assert queries(['"', "\\"]) == []
    long = ["x" * (LONGEST_QUERY - 10), "y" * 300]
    assert [names for _, names in queries(long)] == [(long[0],), (long[1],)]
