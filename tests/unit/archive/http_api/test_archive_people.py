"""Accounts and communities, those known by their posts alone included."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reddit_mcp.archive.archive_store import Order
from tests.support.archive_records import NOW, Growing, comment, post

DAY = 86_400


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Growing]:
    with Growing(tmp_path / "small.sqlite") as small:
        yield small


def test_users(small: Growing) -> None:
    store = small.add(
        ("t2", {"name": "Anna", "link_karma": 5}),
        post("1", author="bela", author_fullname="t2_9"),
        comment("2", author="clara"),
    )
    assert store.user("ANNA") == {"name": "Anna", "link_karma": 5}
    assert store.user("Bela") == {"name": "bela", "id": "9"}
    assert store.user("clara") == {"name": "clara"}
    assert store.user("[deleted]") is None
    assert store.user("nobody") is None


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("new", ["t1_4", "t3_3", "t1_2", "t3_1"]),
        ("top", ["t3_1", "t1_2", "t3_3", "t1_4"]),
        ("hot", ["t1_2", "t3_3", "t1_4", "t3_1"]),
        ("controversial", ["t3_3", "t1_4", "t1_2", "t3_1"]),
    ],
)
def test_history(small: Growing, order: Order, expected: list[str]) -> None:
    store = small.add(
        post("1", score=99, created_utc=NOW - 40 * DAY),
        comment("2", author="anna", score=50, created_utc=NOW - 200),
        post("3", score=10, upvote_ratio=0.6, created_utc=NOW - 100),
        comment("4", author="anna", score=1, controversiality=1),
        post("5", author="bela"),
    )
    assert store.history("Anna", ["t1", "t3"], order, "all") == expected
    assert store.history("Anna", ["t3"], order, "month") == ["t3_3"]
    assert store.history("nobody", ["t3"], order, "all") == []


def test_communities(small: Growing) -> None:
    store = small.add(
        ("t5", {"id": "1", "display_name": "Cats", "title": "x", "subscribers": 5, "public_description": "animals"}),
        ("t5", {"id": "2", "display_name": "pets", "title": "Cats & 100% dogs", "subscribers": 50}),
        post("1", subreddit="catpics", subreddit_id="t5_77"),
        comment("2", subreddit="catsonly"),
    )
    assert store.community("cats") == {
        "id": "1", "display_name": "Cats", "title": "x", "subscribers": 5, "public_description": "animals",
    }  # fmt: skip
    assert store.community("CATPICS") == {"display_name": "catpics", "name": "t5_77"}
    assert store.community("catsonly") == {"display_name": "catsonly"}
    assert store.community("dogs") is None
    assert [each["display_name"] for each in store.communities("cat")] == ["pets", "Cats", "catpics", "catsonly"]
    assert [each["display_name"] for each in store.communities("100%")] == ["pets"]
    assert store.communities("%_") == []
    assert len(store.communities("")) == 4
    assert store.names("CAT") == ["Cats", "catpics", "catsonly"]
    assert store.names("_") == []


def test_a_rename_by_case_keeps_one_community(small: Growing) -> None:
    store = small.add(post("1", subreddit="FIRST"), ("t5", {"display_name": "First"}), post("2", subreddit="first"))
    assert store.listing(["first"], "new", "all") == ["t3_2", "t3_1"]
    assert store.community("fIRST") == {"display_name": "First"}
