"""The store over a file: Reddit's orders, time filters and threads."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import pytest

from reddit_mcp.archive.archive_store import Order, Period
from reddit_mcp.archive.sqlite import listing_orders
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.archive_records import NOW, Growing, comment, many, post
from tests.support.archive_records import small as small  # noqa: PLC0414 - fixtures
from tests.support.archive_records import store as store  # noqa: PLC0414

HOUR, DAY = 3_600, 86_400


def fields(store: SqliteStore, names: list[str], field: str) -> list[Any]:
    return [data[field] for _, data in store.things(names)]


POSTS = [data for _, data in many()]
ORDERS = {"new": "created_utc", "top": "score"}


@pytest.mark.parametrize("places", [None, ["FIRST"], ["first", "third"]])
@pytest.mark.parametrize("order", ["new", "top"])
@pytest.mark.parametrize("period", get_args(Period))
def test_listings_agree_with_sorting_everything(
    store: SqliteStore, places: list[str] | None, order: Order, period: Period
) -> None:
    length = {"hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 30 * DAY, "year": 365 * DAY}
    since = NOW - length[period] if period in length and order == "top" else 0
    wanted = [each.lower() for each in places] if places else ["first", "second", "third"]
    chosen = [each for each in POSTS if each["subreddit"].lower() in wanted and each["created_utc"] >= since]
    expected = sorted((each[ORDERS[order]] for each in chosen), reverse=True)[:1_000]
    listed = store.listing(places, order, period)
    assert len(set(listed)) == len(listed)
    assert fields(store, listed, ORDERS[order]) == expected


@pytest.mark.parametrize("order", ["hot", "new", "top", "controversial"])
def test_ties_are_broken_by_id(store: SqliteStore, order: Order) -> None:
    listed = store.things(store.listing(["second"], order, "all"))
    if order == "top":
        keys = [(data["score"], int(data["id"], 36)) for _, data in listed]
        assert keys == sorted(keys, reverse=True)
    assert store.listing(["second"], order, "all") == [f"t3_{data['id']}" for _, data in listed]


@pytest.mark.parametrize("few", [0, 10_000])
def test_a_time_filter_is_answered_the_same_either_way(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(listing_orders, "_FEW", few)
    monkeypatch.setattr(listing_orders, "_RECENT", few)
    listed = store.listing(["second"], "top", "week")
    chosen = [each for each in POSTS if each["subreddit"] == "second" and each["created_utc"] >= NOW - 7 * DAY]
    assert sorted(listed) == sorted(f"t3_{each['id']}" for each in chosen)


def test_hot_is_score_against_age(small: Growing) -> None:
    store = small.add(
        post("1", score=1, created_utc=NOW),
        post("2", score=100, created_utc=NOW - 80_000),
        post("3", score=100, created_utc=NOW - 100_000),
        post("4", score=500, created_utc=NOW - 500_000),
    )
    assert store.listing(None, "hot", "all") == ["t3_2", "t3_1", "t3_3", "t3_4"]


def test_the_two_newest_sticky_posts_lead_a_communitys_hot_posts(small: Growing) -> None:
    old: dict[str, Any] = {"created_utc": NOW - 9 * DAY, "stickied": True}
    store = small.add(post("1", **old), post("2", **old), post("3", **old), post("4"))
    assert store.listing(["first"], "hot", "all") == ["t3_3", "t3_2", "t3_4", "t3_1"]
    assert store.listing(None, "hot", "all")[0] == "t3_4"
    assert store.listing(["first"], "new", "all")[0] == "t3_4"


def test_controversial_is_many_votes_on_both_sides(small: Growing) -> None:
    store = small.add(
        post("1", score=1_000, upvote_ratio=1.0),
        post("2", score=10, upvote_ratio=0.51),
        post("3", score=10, upvote_ratio=0.75),
        post("4", score=10),
    )
    assert store.listing(["first"], "controversial", "day") == ["t3_2", "t3_3", "t3_4", "t3_1"]


def test_rising_is_votes_for_age_within_a_day(small: Growing) -> None:
    store = small.add(
        post("1", score=90, created_utc=NOW - DAY - 1),
        post("2", score=50, created_utc=NOW - 10 * HOUR),
        post("3", score=20, created_utc=NOW - HOUR),
        post("4", score=1),
        post("5", score=2, subreddit="second"),
    )
    assert store.listing(None, "rising", "all") == ["t3_3", "t3_2", "t3_5"]
    assert store.listing(["first"], "rising", "all") == ["t3_3", "t3_2"]
    assert store.listing(["first", "second"], "rising", "all") == ["t3_3", "t3_2", "t3_5"]


def test_what_the_source_lacks_comes_last(small: Growing) -> None:
    store = small.add(post("1", score=None, created_utc=None), post("2", score=-5), post("3"))
    for order in ("hot", "new", "top"):
        assert store.listing(None, order, "all")[-1] == "t3_1"
    assert "t3_1" not in store.listing(None, "top", "year")


def test_an_import_is_seen_while_the_store_is_open(small: Growing) -> None:
    assert small.store.listing(None, "new", "all") == []
    assert small.store.span() is None
    store = small.add(post("1"))
    assert store.listing(None, "new", "all") == ["t3_1"]
    small.add(comment("2", created_utc=NOW + 5), post("3", created_utc=NOW - 5))
    assert store.span() == (NOW - 5, NOW + 5)
    assert store.search("title", None, "new", "all") == ["t3_1", "t3_3"]


def test_things_come_in_the_order_asked_for(small: Growing) -> None:
    store = small.add(
        post("1"), comment("2"), ("t2", {"id": "3", "name": "anna"}), ("t5", {"name": "t5_4", "display_name": "first"})
    )
    asked = ["t5_4", "t1_2", "t3_zzz", "t3_1", "t2_3", "t3_1", "nonsense", "t9_1", "", "t3_!"]
    assert [kind for kind, _ in store.things(asked)] == ["t5", "t1", "t3", "t2"]


def test_a_thread(small: Growing) -> None:
    store = small.add(
        post("p"),
        comment("1", author="anna", score=None, created_utc=None),
        comment("2", parent="1", controversiality=1, stickied=True, score=7, downs=3),
        comment("3", "other"),
    )
    first, second = store.thread("p")
    assert (first.id, first.parent, first.score, first.created, first.by_submitter) == (1, None, 0, 0, True)
    assert (second.parent, second.score, second.downs, second.by_submitter) == (1, 7, 3, 0)
    assert second.controversial
    assert second.stickied
    assert store.thread("nothing") == []


def test_a_deleted_submitter_wrote_no_comments(small: Growing) -> None:
    store = small.add(post("p", author="[deleted]"), comment("1", author="[deleted]"))
    assert not store.thread("p")[0].by_submitter


def test_threads_read_at_once(store: SqliteStore) -> None:
    def read(at: int) -> int:
        return len(store.things(store.listing(None, "hot", "all")[at : at + 50]))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(40))) == [50] * 40


def test_no_listing_sorts_the_whole_archive(store: SqliteStore) -> None:
    """Every order has an index that is walked from its top."""
    plans = []
    reader = store._reader
    for family, where in (("post", ""), ("community", "community = 1 AND")):
        for column in ("hot", "created", "score", "controversy"):
            sql = f"SELECT {column}, id FROM post INDEXED BY {family}_{column} WHERE {where} 1 ORDER BY {column} DESC"
            plans += [row[3] for row in reader.rows(f"EXPLAIN QUERY PLAN {sql}")]
    assert plans
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]


def test_a_missing_file_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.sqlite is no archive"):
        SqliteStore(tmp_path / "nowhere.sqlite")


def test_an_empty_database_is_no_archive(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    with pytest.raises(ValueError, match=r"empty\.sqlite is no archive"):
        SqliteStore(tmp_path / "empty.sqlite")


def test_the_store_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._reader.rows("DELETE FROM post")
