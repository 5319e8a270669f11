"""Polls that fail, are cut short or meet a change in the middle lose nothing and double nothing."""

import pytest
from fakeredis import FakeServer

from reddit_mcp.errors import RateLimited, Unavailable
from reddit_mcp.storage.redis.keyspace import BASELINES, WATCH_CHECKS, WATCH_PROGRESS
from reddit_mcp.storage.watches.match_store import MatchKeys
from reddit_mcp.storage.watches.watch_store import CHECKS_TAG
from reddit_mcp.watches.polling import watch_polling
from tests.support.polling_setup import home as home  # noqa: PLC0414 - fixtures
from tests.support.polling_setup import server as server  # noqa: PLC0414
from tests.support.polling_setup import told as told  # noqa: PLC0414
from tests.support.redis_store import PREFIX
from tests.support.watches import NOW, House, Told


async def test_reddit_failing_puts_the_check_off_and_loses_nothing(home: House) -> None:
    watch = await home.watch("rust")
    other = await home.watch("rust", subreddits=())
    await home.after(0)
    home.reddit.add(1, "rust", NOW + 60)
    home.reddit.failure = lambda query: RateLimited("spent") if query.kind == "listing" else None
    await home.after(5)
    late = await home.watches.get("ada", watch.watch_id)
    assert (late.status, late.last_checked_utc, late.next_check_utc) == ("active", NOW, NOW + 360)
    assert await home.found(other) == ["p1"]
    home.reddit.failure = lambda _query: None
    await home.after(1)
    assert await home.found(watch) == ["p1"]
    assert (await home.watches.get("ada", watch.watch_id)).next_check_utc == NOW + 600


async def test_what_a_poll_has_no_time_for_is_left_to_the_next(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = await home.watch("rust")
    home.reddit.add(1, "rust", NOW)
    with monkeypatch.context() as hurry:
        hurry.setattr(watch_polling, "START_SECONDS", -1)
        await home.polling.poll()
    left = await home.watches.get("ada", watch.watch_id)
    assert (home.reddit.queries, left.last_checked_utc, left.next_check_utc) == ([], None, NOW)
    await home.polling.poll()
    assert await home.found(watch) == ["p1"]


async def test_what_cannot_be_read_in_the_store_is_as_if_it_were_not_there(home: House) -> None:
    watch = await home.watch("rust", alert_threshold="high_engagement")
    home.reddit.add(1, "rust", NOW, score=900)
    keys = MatchKeys.of(PREFIX, "ada", watch.watch_id)
    async with home.store.visit() as redis:
        await redis.hset(WATCH_PROGRESS.key(PREFIX, "ada"), watch.watch_id, "{")
        await redis.set(keys.candidates, "[]", ex=60)
        await redis.set(BASELINES.key(PREFIX, "python"), "{}", ex=60)
    assert (await home.watches.get("ada", watch.watch_id)).last_checked_utc is None
    await home.after(0)
    assert await home.found(watch) == ["p1"]


async def test_who_cannot_be_told_is_told_at_the_next_check(home: House, told: Told) -> None:
    watch = await home.watch("rust")
    home.reddit.add(1, "rust", NOW)
    told.failure = RuntimeError("no way")
    await home.after(0)
    assert (told.matches, await home.found(watch)) == ([], ["p1"])
    told.failure = None
    await home.after(5)
    assert [match.post["id"] for match in told.matches] == ["p1"]
    await home.after(5)
    assert len(told.matches) == 1


async def test_a_crash_before_the_plan_repeats_and_doubles_nothing(
    home: House, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = await home.watch("rust")
    home.reddit.add(1, "rust", NOW)
    with monkeypatch.context() as broken:
        broken.setattr(home.polls, "plan", _crash)
        with pytest.raises(Killed):
            await home.polling.poll()
    await home.polling.poll()
    assert (await home.watches.get("ada", watch.watch_id)).matches == len(told.matches) == 1


class Killed(BaseException):
    """The end of the process."""


async def _crash(*_: object) -> None:
    raise Killed


async def test_pausing_or_deleting_in_the_middle_of_a_poll_stops_its_matches(
    home: House, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, deleted = await home.watch("rust"), await home.watch("rust")
    home.reddit.add(1, "rust", NOW)
    due = await home.polls.due(NOW, 10)
    await home.watches.set_status("ada", paused.watch_id, "paused")
    await home.watches.delete("ada", deleted.watch_id)
    monkeypatch.setattr(home.polls, "due", lambda *_: _value(due))
    await home.polling.poll()
    assert told.matches == []
    assert await home.found(paused) == await home.found(deleted) == []
    assert await home.polls.next_due() is None


async def _value(value: object) -> object:
    return value


async def test_a_time_without_a_watch_is_cleared_away(home: House) -> None:
    key = WATCH_CHECKS.key(PREFIX, CHECKS_TAG)
    async with home.store.visit() as redis:
        await redis.zadd(key, {"fresh ada": NOW - 10, "old ada": NOW - 100})
    await home.polling.poll()
    async with home.store.visit() as redis:
        assert await redis.zrange(key, 0, -1) == [b"fresh ada"]


async def test_redis_away_is_raised_for_the_job_to_be_repeated(home: House, server: FakeServer) -> None:
    await home.watch("rust")
    server.connected = False
    with pytest.raises(Unavailable):
        await home.polling.poll()
