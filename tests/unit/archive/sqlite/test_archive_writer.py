"""What the writer takes, keeps and refuses."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reddit_mcp.archive.archive_store import Order, Thing
from reddit_mcp.archive.sqlite.archive_writer import Writer, fullname
from reddit_mcp.archive.sqlite.row_codec import DICTIONARY, Codec
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.archive_records import NOW, archive, comment, post


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "archive.sqlite"


def kept(path: Path, name: str) -> dict[str, Any]:
    with SqliteStore(path) as store:
        return store.things([name])[0][1]


def found(path: Path, query: str) -> list[str]:
    with SqliteStore(path) as store:
        return store.search(query, None, "new", "all")


def test_things_come_back_as_they_went_in(path: Path) -> None:
    given = post("abc", selftext="<b>&</b> \U0001f525", media={"a": [1, None, 1.5]}, edited=False)
    archive(path, given)
    assert kept(path, "t3_abc") == given[1]


def test_add_counts_what_it_stores_and_takes_any_iterable(path: Path) -> None:
    with Writer(path) as writer:
        assert writer.add(each for each in (post("a"), comment("b"), ("t9", {}), ("t3", {}), ("t2", {"name": ""}))) == 2
        assert writer.add([("t2", {"name": "anna"}), ("t5", {"display_name": "first"})]) == 2
        assert writer.add([]) == 0


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ({"retrieved_utc": NOW}, {"retrieved_utc": NOW + 1}, 2),
        ({"retrieved_utc": NOW + 1}, {"retrieved_utc": NOW}, 1),
        ({"retrieved_on": NOW + 1}, {"retrieved_utc": NOW}, 1),
        ({"retrieved_utc": NOW}, {"retrieved_utc": NOW}, 2),
        ({"retrieved_utc": NOW}, {}, 2),
        ({}, {"retrieved_utc": NOW}, 2),
        ({}, {}, 2),
    ],
)
@pytest.mark.parametrize("kind", ["t1", "t2", "t3", "t5"])
def test_the_newer_of_two_versions_stays(path: Path, kind: str, first: Any, second: Any, winner: int) -> None:
    identity = {"id": "abc", "name": "anna", "display_name": "first"}
    with Writer(path) as writer:
        assert writer.add([(kind, identity | first | {"version": 1})]) == 1
        assert writer.add([(kind, identity | second | {"version": 2})]) == int(winner == 2)
    assert kept(path, f"{kind}_abc")["version"] == winner


def test_a_replaced_post_is_found_by_its_new_words_only(path: Path) -> None:
    archive(path, post("a", "old words", link_flair_text="x"), post("b", "other"))
    archive(path, post("a", "new words", link_flair_text="y"))
    assert found(path, "old") == []
    assert found(path, "flair:x") == []
    assert found(path, "new") == ["t3_a"]
    assert found(path, "words") == ["t3_a"]


def test_an_error_leaves_nothing_of_its_transaction(path: Path) -> None:
    def broken() -> Iterator[Thing]:
        yield post("a", subreddit="second", author="clara")
        raise RuntimeError("torn")

    with Writer(path) as writer:
        with pytest.raises(RuntimeError, match="torn"):
            writer.add(broken())
        assert writer.add([post("b", subreddit="second", author="clara")]) == 1
    with SqliteStore(path) as store:
        assert store.listing(None, "new", "all") == ["t3_b"]
        assert store.listing(["second"], "new", "all") == ["t3_b"]


def test_a_full_disk_is_a_clear_error_and_keeps_what_was_there(path: Path) -> None:
    with Writer(path) as writer:
        writer.add([post("a")])
        pages = writer._db.execute("PRAGMA page_count").fetchone()[0]
        writer._db.execute(f"PRAGMA max_page_count = {pages + 20}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            writer.add(post(f"b{at}", "x" * 5_000) for at in range(100))
    with SqliteStore(path) as store:
        assert store.listing(None, "new", "all") == ["t3_a"]


def test_early_dumps(path: Path) -> None:
    early = {"id": "t3_87", "permalink": "/r/reddit.com/comments/87/x/", "created_utc": "1134028003", "title": 2048}
    archive(
        path,
        ("t3", early),
        ("t1", {"id": 99, "link_id": 87, "parent_id": 87, "body": "x", "created_utc": 1134028004.0}),
    )
    with SqliteStore(path) as store:
        assert store.listing(["reddit.com"], "new", "all") == ["t3_87"]
        assert store.search("2048", None, "new", "all") == ["t3_87"]
        assert [node.id for node in store.thread("87")] == [int("99", 36)]
        assert store.span() == (1134028003, 1134028004)


def test_a_thing_from_the_future_does_not_move_now(path: Path) -> None:
    with Writer(path, NOW) as writer:
        writer.add([post("a"), post("ahead", created_utc=NOW + 86_400), post("lost", created_utc=NOW + 86_401)])
    with SqliteStore(path) as store:
        assert store.span() == (NOW, NOW + 86_400)
        assert store.listing(None, "new", "all") == ["t3_ahead", "t3_a", "t3_lost"]
        assert store.listing(None, "top", "day") == ["t3_ahead", "t3_a"]
        assert store.things(["t3_lost"])[0][1]["created_utc"] == NOW + 86_401


def test_the_future_begins_after_the_clock_s_own_day(path: Path) -> None:
    soon = int(time.time()) + 3_600
    archive(path, post("soon", created_utc=soon), post("later", created_utc=soon + 2 * 86_400))
    with SqliteStore(path) as store:
        assert store.span() == (soon, soon)


@pytest.mark.parametrize(
    ("parent", "expected"),
    [("t1_b", int("b", 36)), ("t3_a", None), ("a", None), ("t1_c", None), ("t1_d", None), (None, None), ("???", None)],
)
def test_parents(path: Path, parent: Any, expected: int | None) -> None:
    """Neither itself nor a later comment can be a comment's parent."""
    archive(path, comment("c", "a", parent_id=parent))
    with SqliteStore(path) as store:
        assert [node.parent for node in store.thread("a")] == [expected]


def test_fullname() -> None:
    assert fullname("t3", {"id": "0ABC"}) == fullname("t3", {"name": "t3_abc"})
    assert fullname("t2", {"name": "Anna"}) == fullname("t2", {"name": "anna"})
    assert fullname("t5", {"display_name": "First"}) == fullname("t5", {"url": "/r/first/"})
    assert fullname("t1", {"id": "a"}) != fullname("t3", {"id": "a"})
    for thing in (("t3", {}), ("t2", {}), ("t5", {"name": "t5_x"}), ("more", {"id": "a"})):
        with pytest.raises(ValueError, match="without an id or a name"):
            fullname(*thing)


def test_another_version_is_refused_by_name_and_number(path: Path) -> None:
    archive(path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 7")
    db.close()
    with pytest.raises(ValueError, match=r"archive\.sqlite is an archive of version 7"):
        Writer(path)
    with pytest.raises(ValueError, match=r"archive\.sqlite is an archive of version 7"):
        SqliteStore(path)


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database, just text" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        Writer(path)
    with pytest.raises(ValueError, match=r"archive\.sqlite is no archive"):
        SqliteStore(path)


def test_a_community_learns_its_fullname_from_its_posts(path: Path) -> None:
    archive(path, post("a"))
    archive(path, post("b", subreddit_id="t5_9", author_fullname="t2_8"))
    archive(path, post("c", subreddit_id="t5_7"))
    with SqliteStore(path) as store:
        assert store.community("first") == {"display_name": "first", "name": "t5_9"}
        assert store.user("anna") == {"name": "anna", "id": "8"}


def test_two_writers_share_an_archive(path: Path) -> None:
    with Writer(path) as one, Writer(path) as two:
        one.add([post("a", subreddit="x")])
        two.add([post("b", subreddit="X")])
        one.add([post("c", subreddit="x")])
    with SqliteStore(path) as store:
        assert sorted(store.listing(["x"], "new", "all")) == ["t3_a", "t3_b", "t3_c"]


def test_an_archive_stays_readable_when_the_dictionary_changes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(path, post("a", media={"x": 1}))
    monkeypatch.setattr("reddit_mcp.archive.sqlite.archive_writer.DICTIONARY", b"another")
    archive(path, post("b"))
    assert kept(path, "t3_a")["media"] == {"x": 1}
    assert kept(path, "t3_b")["author"] == "anna"


def test_names_beyond_the_remembered_ones_are_looked_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reddit_mcp.archive.sqlite.archive_writer._NAMES_REMEMBERED", 2)
    archive(path, *(post(f"a{at}", author=f"u{at % 4}") for at in range(8)))
    with SqliteStore(path) as store:
        assert len(store.history("u1", ["t3"], "new", "all")) == 2


def test_the_codec_replaces_what_json_cannot_carry() -> None:
    codec = Codec(DICTIONARY)
    deep: Any = "bottom"
    for _ in range(2_000):
        deep = [deep]
    odd: dict[Any, Any] = {"a": "x\ud800", "n": 10**30, 5: True, "nan": float("nan"), "deep": deep, "f": 1.5}
    kept = codec.unpack(codec.pack(odd))
    del kept["deep"]
    assert kept == {"a": "x?", "n": None, "5": True, "nan": None, "f": 1.5}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
NAMES = [
    "id",
    "name",
    "title",
    "selftext",
    "author",
    "subreddit",
    "created_utc",
    "score",
    "upvote_ratio",
    "downs",
    "url",
]
NAMES += [
    "parent_id",
    "link_id",
    "display_name",
    "over_18",
    "is_self",
    "domain",
    "link_flair_text",
    "num_comments",
    "rules",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["t1", "t2", "t3", "t5"]), st.dictionaries(st.sampled_from(NAMES), JSON)), max_size=3
    )
)
def test_no_thing_is_too_strange(tmp_path: Path, things: list[Thing]) -> None:
    marked = [(kind, {"id": f"a{at}", "display_name": f"c{at}", **data}) for at, (kind, data) in enumerate(things)]
    path = tmp_path / "strange.sqlite"
    archive(path, *marked)
    archive(path, *marked)
    with SqliteStore(path) as store:
        for order in get_args(Order):
            store.things(store.listing(None, order, "all"))
    db = sqlite3.connect(path)
    db.execute("INSERT INTO post_words (post_words) VALUES ('integrity-check')")
    db.close()
