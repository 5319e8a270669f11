"""Usage events wait for their dataset: in batches, bounded, and never lost in silence."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from reddit_mcp.actor import usage_dataset
from reddit_mcp.actor.dataset_rows import MatchRows, Row
from reddit_mcp.actor.usage_dataset import UsageDataset
from reddit_mcp.errors import Unavailable
from reddit_mcp.models import CallEvent, Match
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import a_watch, until

EVENT = CallEvent(
    at_utc=1, tool="search_reddit", caller="c0ffee", tier="pro", duration_ms=5, cache="hit", charged=("a", "b")
)

Log = Sequence[Mapping[str, Any]]


@pytest.fixture
def log() -> Iterator[Log]:
    with capture_logs() as lines:
        yield lines


class Platform:
    """Takes rows, or does not."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.tries = 0
        self.is_down = False

    async def push(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.tries += 1
        if self.is_down:
            raise ConnectionError
        self.batches.append([dict(row) for row in rows])

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for batch in self.batches for row in batch]


async def test_events_are_written_in_one_batch_with_nothing_but_figures() -> None:
    platform = Platform()
    async with UsageDataset(platform.push, every=3600) as usage:
        for _ in range(3):
            usage.note(EVENT)
        assert platform.tries == 0
    assert [len(batch) for batch in platform.batches] == [3]
    row = platform.rows[0]
    assert row.pop("id") != platform.rows[1]["id"]
    assert row == {
        "at_utc": 1,
        "tool": "search_reddit",
        "caller": "c0ffee",
        "tier": "pro",
        "duration_ms": 5,
        "cache": "hit",
        "error_type": None,
        "charged": "a,b",
    }


async def test_what_a_platform_that_is_down_does_not_take_waits_and_is_written_once(
    log: Log,
) -> None:
    platform = Platform()
    platform.is_down = True
    async with UsageDataset(platform.push, every=0.01) as usage:
        usage.note(EVENT)
        await until(lambda: platform.tries >= 2)
        platform.is_down = False
        usage.note(EVENT)
        await until(lambda: len(platform.rows) == 2)
    assert len({row["id"] for row in platform.rows}) == 2
    events = [line["event"] for line in log]
    assert "usage_events_wait" in events
    assert "usage_events_lost" not in events


async def test_what_is_lost_is_counted_in_the_log(monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    monkeypatch.setattr(usage_dataset, "MOST_WAITING", 2)
    platform = Platform()
    platform.is_down = True
    async with UsageDataset(platform.push, every=3600) as usage:
        for _ in range(5):
            usage.note(EVENT)
    assert [line["events"] for line in log if line["event"] == "usage_events_lost"] == [5]


async def test_a_platform_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_dataset, "LAST_WORD_SECONDS", 0.01)

    async def hang(_rows: Sequence[Mapping[str, Any]]) -> None:
        await asyncio.Event().wait()

    async with asyncio.timeout(PATIENCE_SECONDS), UsageDataset(hang, every=3600) as usage:
        usage.note(EVENT)


POST = {
    "id": "p1",
    "title": "A title",
    "author": "somebody",
    "selftext": "Text",
    "subreddit": "lua",
    "score": 3,
    "num_comments": 1,
    "created_utc": 7,
    "permalink": "https://www.reddit.com/r/lua/comments/p1/a_title/",
}
MATCH = Match(match_id="m", watch_id="w", keyword="lua", why="any", post=POST, sentiment=0.1, matched_utc=9)


async def test_a_match_becomes_a_row_without_what_somebody_wrote() -> None:
    rows: list[Row] = []

    async def push(more: Sequence[Row]) -> None:
        rows.extend(more)

    matches = MatchRows("ada", push)
    await matches.matched(a_watch("ada"), [MATCH])
    await matches.matched(a_watch("eve"), [MATCH])
    await matches.matched(a_watch("ada"), [])
    assert matches.count == 1
    assert rows == [
        {
            "job": "watch-tick",
            "post_id": "p1",
            "permalink": "https://www.reddit.com/r/lua/comments/p1/",
            "subreddit": "lua",
            "score": 3,
            "num_comments": 1,
            "created_utc": 7,
            "watch_id": "w",
            "keyword": "lua",
            "matched_utc": 9,
        }
    ]
    assert "title" not in json.dumps(rows)


async def test_rows_that_are_not_taken_leave_the_matches_where_they_are(log: Log) -> None:
    async def refuse(_rows: Sequence[Row]) -> None:
        raise Unavailable("down")

    matches = MatchRows("ada", refuse)
    await matches.matched(a_watch("ada"), [MATCH])
    assert matches.count == 0
    assert [line["event"] for line in log] == ["match_rows_lost"]
