"""Search over a file: each way to answer finds the same, in every script."""

import pytest

from reddit_mcp.archive.archive_store import Order, Period
from reddit_mcp.archive.sqlite import listing_orders
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.archive_records import Growing, post
from tests.support.archive_records import small as small  # noqa: PLC0414 - fixtures
from tests.support.archive_records import store as store  # noqa: PLC0414

MIXED = 'title:"house cat" OR (title:dogs subreddit:second)'


@pytest.mark.parametrize("order", ["hot", "new", "top", "controversial", "comments", "relevance"])
@pytest.mark.parametrize(
    "query", ["cats", '"house cat"', "cats -dogs", "subreddit:first OR title:dogs", "-cats", MIXED]
)
@pytest.mark.parametrize("period", ["week", "all"])
@pytest.mark.parametrize("few", [0, 700])
def test_each_way_to_search_finds_the_same(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, order: Order, query: str, period: Period, few: int
) -> None:
    sorted_first = store.search(query, ["first", "second"], order, period)
    monkeypatch.setattr(listing_orders, "_FEW_FOUND", few)
    monkeypatch.setattr(listing_orders, "_RECENT", few)
    walked = store.search(query, ["first", "second"], order, period)
    assert sorted_first
    assert len(walked) == len(sorted_first)
    if len(walked) < 1_000:
        assert walked == sorted_first


def test_relevance_puts_titles_first_and_then_the_score(small: Growing) -> None:
    store = small.add(
        post("1", "other", selftext="cats", score=900),
        post("2", "cats", score=2),
        post("3", "cats again", score=3),
        post("4", "dogs", score=5000),
    )
    assert store.search("cats", None, "relevance", "all") == ["t3_3", "t3_2", "t3_1"]
    assert store.search("author:anna", None, "relevance", "all") == ["t3_4", "t3_1", "t3_3", "t3_2"]


def test_a_phrase_or_a_field(small: Growing) -> None:
    store = small.add(
        post("1", "house cat"), post("2", "cat house"), post("3", "x", author="bela"), post("4", "house of a cat")
    )
    assert store.search('"house cat" OR author:bela', None, "new", "all") == ["t3_3", "t3_1"]


def test_an_empty_query_finds_nothing(small: Growing) -> None:
    assert small.add(post("1")).search("", None, "new", "all") == []


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("猫", "東京の猫"),
        ("東京", "東京の猫"),
        ("кошка", "КОШКА спит"),
        ("قطة", "قِطَّة نائمة"),
        ("😸", "sleepy 😸"),
        ("creme", "Crème"),
    ],
)
def test_every_script_is_searchable(small: Growing, query: str, title: str) -> None:
    store = small.add(post("1", title), post("2", "a cat"))
    assert store.search(query, None, "relevance", "all") == ["t3_1"]
