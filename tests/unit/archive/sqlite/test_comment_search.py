"""Comments found by the archive, compared with a plain reading of all of them."""

import random
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.archive.archive_store import NoCommentIndexError, Order, Period, Thing, TimeRange
from reddit_mcp.archive.sqlite import comment_search
from reddit_mcp.archive.sqlite.archive_writer import Writer
from reddit_mcp.archive.sqlite.raw_fields import base36
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.archive_records import NOW, archive, comment

DAY = 86_400
Data = dict[str, Any]


def chatter(*, in_order: bool) -> list[Thing]:
    """Two months of comments; their ids go with the time, or do not."""
    dice = random.Random(11)
    numbers = list(range(50_000, 53_000))
    if not in_order:
        dice.shuffle(numbers)
    return [
        comment(
            base36(number),
            body=dice.choice(["the kettle sings", "a blue kettle", "Kettle, blue!", "nothing here", "水壶很好"]),
            subreddit=dice.choice(["first", "Second", "third"]),
            author=dice.choice(["anna", "bela", "cleo"]),
            score=dice.randrange(-5, 30),
            created_utc=NOW - (2_999 - at) * 1_700,
        )
        for at, number in enumerate(numbers)
    ]


@pytest.fixture(scope="module", params=[True, False], ids=["ids in order", "ids in disorder"])
def things(request: pytest.FixtureRequest) -> list[Thing]:
    return chatter(in_order=request.param)


@pytest.fixture(scope="module")
def talk(things: list[Thing], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    with SqliteStore(archive(tmp_path_factory.mktemp("talk") / "db", *things)) as store:
        yield store


QUERIES: dict[str, Callable[[Data], bool]] = {
    "kettle": lambda data: "kettle" in data["body"].lower(),
    "KETTLE -blue": lambda data: "kettle sings" in data["body"],
    '"blue kettle"': lambda data: data["body"] == "a blue kettle",
    "nothing OR sings": lambda data: data["body"] in ("nothing here", "the kettle sings"),
    "author:bela blue": lambda data: data["author"] == "bela" and "blue" in data["body"],
    "author:cleo": lambda data: data["author"] == "cleo",
    "subreddit:second 水壶": lambda data: data["subreddit"] == "Second" and data["body"] == "水壶很好",
    "title:kettle": lambda _: False,
    "absent": lambda _: False,
}
RANGES: list[Period | TimeRange] = [
    "all", "week", TimeRange(NOW - 20 * DAY), TimeRange(None, NOW - 30 * DAY),
    TimeRange(NOW - 20 * DAY - 55, NOW - 7 * DAY + 1), TimeRange(NOW + 1), TimeRange(NOW - 10, NOW - 5),
]  # fmt: skip


def _within(when: Period | TimeRange) -> tuple[int, int]:
    if isinstance(when, TimeRange):
        return when.limits
    return {"all": 0, "week": NOW - 7 * DAY}.get(when, 0), NOW + 1


def _read(things: list[Thing], query: str, places: list[str] | None, when: Period | TimeRange) -> list[Data]:
    since, until = _within(when)
    names = None if places is None else {place.lower() for place in places}
    return [
        data
        for _, data in things
        if QUERIES[query](data)
        and since <= data["created_utc"] < until
        and (names is None or data["subreddit"].lower() in names)
    ]


@pytest.mark.parametrize("query", QUERIES)
def test_what_is_found_is_what_a_plain_reading_finds(talk: SqliteStore, things: list[Thing], query: str) -> None:
    for places, when in product([None, ["second"], ["First", "third"]], RANGES):
        expected = sorted(_read(things, query, places, when), key=lambda data: data["created_utc"], reverse=True)
        found = talk.search_comments(query, places, "new", when)
        assert found == [f"t1_{data['id']}" for data in expected[:1_000]], (query, places, when)


@pytest.mark.parametrize("order", ["top", "relevance", "comments"])
def test_by_score(talk: SqliteStore, things: list[Thing], order: Order) -> None:
    scores = {f"t1_{data['id']}": data["score"] for _, data in things}
    found = talk.search_comments("kettle", None, order, "all")
    best = sorted((data["score"] for data in _read(things, "kettle", None, "all")), reverse=True)
    assert [scores[each] for each in found] == best[:1_000]


def test_hot_is_score_and_age(talk: SqliteStore) -> None:
    hot, new = (talk.search_comments("kettle", None, order, "all") for order in ("hot", "new"))
    assert len(hot) == 1_000
    assert len({*hot[:300]} & {*new[:400]}) > 250
    assert hot != new


@pytest.mark.parametrize("when", RANGES[:5])
def test_of_very_many_the_newest_are_read(
    talk: SqliteStore, things: list[Thing], when: Period | TimeRange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comment_search, "MOST_RANKED", 90)
    expected = sorted(_read(things, "kettle", None, when), key=lambda data: data["created_utc"], reverse=True)
    found = talk.search_comments("kettle", None, "new", when)
    assert len(found) >= min(90, len(expected))
    assert found[:90] == [f"t1_{data['id']}" for data in expected[:90]]


def test_a_newer_version_is_found_by_its_own_words(tmp_path: Path) -> None:
    path = archive(tmp_path / "db", comment("c1", body="first words", retrieved_on=NOW))
    with Writer(path) as writer:
        writer.add([comment("c1", body="second thoughts", retrieved_on=NOW + 5)])
    with SqliteStore(path) as store:
        assert store.search_comments("first", None, "new", "all") == []
        assert store.search_comments("second", None, "new", "all") == ["t1_c1"]


def test_a_comment_without_a_time_is_found_by_words_alone(tmp_path: Path) -> None:
    with SqliteStore(archive(tmp_path / "db", comment("c1", body="timeless", created_utc=None))) as store:
        assert store.search_comments("timeless", None, "new", "all") == ["t1_c1"]
        assert store.search_comments("timeless", None, "new", TimeRange(1, NOW)) == []


def test_the_index_can_be_left_out_and_made_later(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with Writer(path, comment_index=False) as writer:
        writer.add([comment("c1", body="a kettle", created_utc=NOW - 3 * DAY)])
    with SqliteStore(path) as store:
        with pytest.raises(NoCommentIndexError):
            store.search_comments("kettle", None, "new", "all")
        with Writer(path) as writer:
            writer.add([comment("c2", body="another kettle")])
        assert store.search_comments("kettle", None, "new", "all") == ["t1_c2", "t1_c1"]
        assert store.search_comments("kettle", None, "new", TimeRange(NOW - 4 * DAY, NOW)) == ["t1_c1"]
        with Writer(path, comment_index=False) as writer:
            writer.add([comment("c3", body="a third kettle")])
        with pytest.raises(NoCommentIndexError):
            store.search_comments("kettle", None, "new", "all")
        assert len(store.thread("p")) == 3


def test_what_is_rolled_back_is_not_found(tmp_path: Path) -> None:
    path = archive(tmp_path / "db", comment("c1", body="a kettle"))

    def broken() -> Iterator[Thing]:
        yield comment("c2", body="a kettle", created_utc=NOW - DAY)
        raise OSError(28, "the disk is full")

    with Writer(path) as writer:
        with pytest.raises(OSError, match="full"):
            writer.add(broken())
        writer.add([comment("c3", body="another kettle")])
    with SqliteStore(path) as store:
        assert store.search_comments("kettle", None, "new", "all") == ["t1_c3", "t1_c1"]
