"""Keyword watches over Arctic Shift: each post once, and of all Reddit a sample that says what it did not see."""

from pathlib import Path

import pytest

from reddit_mcp import container
from reddit_mcp.watches.ports import SystemClock
from tests.support.arctic_shift import Bench
from tests.support.fake_arctic_shift import NOW, post
from tests.support.tool_calls import Json
from tests.support.tools_in_process import call
from tests.support.whole_path import redis as redis  # noqa: PLC0414 - fixtures
from tests.support.whole_path import serving

MINUTE = 60


class WatchClock(SystemClock):
    """The time of now, and so many seconds more as it is told."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WatchClock:
    found = WatchClock()
    monkeypatch.setattr(container, "SystemClock", lambda: found)
    return found


def _posted(arctic: Bench, clock: WatchClock, number: str, title: str, **fields: Json) -> None:
    """A post that was made a minute ago by the clock of the watches."""
    arctic.fake.posts.append(post(number, int(NOW - clock.now()) + MINUTE, title=title, **fields))


async def test_each_new_post_is_one_match(arctic: Bench, clock: WatchClock, redis: str, tmp_path: Path) -> None:
    settings = {"data_source": "arctic_shift", "arctic_shift_url": arctic.url}
    async with serving(None, redis, tmp_path, **settings) as server:
        made = await call(
            server.mcp, "watch_keywords", action="create", keywords=["teapot"], subreddits=["kettles"],
            alert_threshold="any", check_interval=5,
        )  # fmt: skip
        watch = made["watch"]["watch_id"]
        for round_ in range(3):
            clock.ahead += 6 * MINUTE
            _posted(arctic, clock, f"new{round_}", f"My teapot {round_}", subreddit="kettles")
            _posted(arctic, clock, f"other{round_}", f"My teapot {round_}", subreddit="pots")
            await server.polling.poll()
            await server.polling.poll()
        found = await call(server.mcp, "watch_keywords", action="matches", watch_id=watch)
    assert sorted(match["post"]["id"] for match in found["matches"]) == ["new0", "new1", "new2"]
    assert "gap" not in found["watch"]


async def test_all_of_reddit_is_a_sample_whose_gap_is_told(
    arctic: Bench, clock: WatchClock, redis: str, tmp_path: Path
) -> None:
    settings = {"data_source": "arctic_shift", "arctic_shift_url": arctic.url}
    async with serving(None, redis, tmp_path, **settings) as server:
        made = await call(
            server.mcp, "watch_keywords", action="create", keywords=["teapot"], alert_threshold="any", check_interval=5
        )
        await server.polling.poll()
        clock.ahead += 6 * MINUTE
        for number in range(500):
            age = int(NOW - clock.now()) + 1 + number // 2
            arctic.fake.posts.append(post(f"t{number}", age, title=f"My teapot {number}"))
        await server.polling.poll()
        found = await call(server.mcp, "watch_keywords", action="matches", watch_id=made["watch"]["watch_id"])
    assert found["matches"]
    assert found["watch"]["gap"]["to_utc"] < clock.now()
