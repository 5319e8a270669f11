"""Reddit's search syntax: what it means, and that nothing else gets through."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reddit_mcp.archive.sqlite.index_document import Document, document
from reddit_mcp.archive.sqlite.search_query import (
    And,
    Not,
    Or,
    Text,
    expression,
    in_title,
    matches,
    parse,
    unsure,
    within,
)

POSTS: list[dict[str, Any]] = [
    {"title": "Cats and dogs", "selftext": "living together", "author": "anna", "subreddit": "pets", "is_self": True},
    {"title": "A house cat", "selftext": "my dog-friend", "author": "Bela_1", "subreddit": "pets", "is_self": True},
    {"title": "Cat house rules", "selftext": "", "author": "anna", "subreddit": "u_anna", "over_18": True},
    {"title": "東京都の猫", "selftext": "新しい本", "author": "c-d", "subreddit": "japan", "domain": "self.japan"},
    {"title": "News", "selftext": "", "url": "https://old.example.org/cat/story", "domain": "old.example.org"},
    {"title": "Question", "selftext": "the cat house", "link_flair_text": "Weekly Thread", "author": None},
    {"title": "", "selftext": "", "author": "[deleted]", "url": "http://[broken"},
]


def document_of(data: dict[str, Any]) -> Document:
    return Document(data["title"], data["selftext"], lambda: data)


@pytest.fixture(scope="module")
def index() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE found USING fts5(words, content='', columnsize=0, detail=none, tokenize='ascii')")
    db.executemany(
        "INSERT INTO found (rowid, words) VALUES (?, ?)", [(at, document(data)) for at, data in enumerate(POSTS)]
    )
    yield db
    db.close()


def found(index: sqlite3.Connection, query: str) -> set[int]:
    """The posts a query finds: by the index, then checked."""
    node = parse(query)
    if node is None:
        return set()
    rows = index.execute("SELECT rowid FROM found WHERE found MATCH ?", (expression(node)[0],)).fetchall()
    check = unsure(node)
    return {at for (at,) in rows if check is None or matches(check, document_of(POSTS[at]))}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cat", {1, 2, 5}),
        ("CAT house", {1, 2, 5}),
        ("cat AND house", {1, 2, 5}),
        ('"house cat"', {1}),
        ('cat -"house cat"', {2, 5}),
        ("cats OR question", {0, 5}),
        ("cat -question", {1, 2}),
        ("cat NOT question", {1, 2}),
        ("NOT cat", {0, 3, 4, 6}),
        ("-cat -cats -author:c-d", {4, 6}),
        ("title:cat", {1, 2}),
        ("selftext:cat", {5}),
        ("title:(cat OR news)", {1, 2, 4}),
        ('title:"house cat"', {1}),
        ('selftext:"house cat"', set()),
        ("(cat dog) OR news", {1, 4}),
        ("author:anna", {0, 2}),
        ("author:/u/Anna", {0, 2}),
        ("author:bela_1", {1}),
        ("author:bela", set()),
        ("author:c-d", {3}),
        ("subreddit:r/PETS", {0, 1}),
        ("subreddit:u_anna", {2}),
        ("flair:weekly", {5}),
        ('flair_name:"weekly thread"', {5}),
        ("self:yes", {0, 1, 3}),
        ("self:0", {2, 4, 5, 6}),
        ("nsfw:yes", {2}),
        ("site:example.org", {4}),
        ("site:old.example.org", {4}),
        ("site:ple.org", set()),
        ("url:story", {4}),
        ("dog-friend", {1}),
        ("friend-dog", set()),
        ("東京", {3}),
        ("猫", {3}),
        ("東京都の", {3}),
        ("京東", set()),
        ("NOT NOT cat", {1, 2, 5}),
        (") cat ) house (", {1, 2, 5}),
        ("cat OR", {1, 2, 5}),
        ("title: cat", {1, 2}),
        ("self:perhaps cat", {1, 2, 5}),
        ("author:anna OR -author:anna", set(range(7))),
        ('"house cat" OR -"house cat"', set(range(7))),
    ],
)
def test_a_query_finds(index: sqlite3.Connection, query: str, expected: set[int]) -> None:
    assert found(index, query) == expected


@pytest.mark.parametrize(
    "query", ["", "   ", "NOT", "-", "AND OR NOT", "()", '""', "++", "author:", "self:maybe", "((((("]
)
def test_a_query_for_nothing_asks_for_nothing(query: str) -> None:
    assert parse(query) is None


def test_the_tree() -> None:
    assert parse('cat OR ("a b" -c)') == Or(
        (Text(None, ("cat",)), And((Text(None, ("a", "b")), Not(Text(None, ("c",))))))
    )


def test_in_title_asks_the_title_for_free_words() -> None:
    node = parse("cat OR (dog selftext:x author:a -bird)")
    assert node is not None
    assert in_title(node) == parse("title:cat OR (title:dog selftext:x author:a -bird)")


def test_within_communities(index: sqlite3.Connection) -> None:
    node = parse("cat OR cats OR news")
    assert node is not None
    rows = index.execute("SELECT rowid FROM found WHERE found MATCH ?", (expression(within(node, ("Pets", "x")))[0],))
    assert {at for (at,) in rows} == {0, 1}


def test_only_what_the_index_cannot_settle_is_checked() -> None:
    node = parse('author:anna "house cat" dog')
    assert node is not None
    assert unsure(node) == And((Text(None, ("house", "cat")),))
    assert unsure(Text(None, ("cat",))) is None


WORDS = ("cat", "house", "dog", '"house cat"', "anna", "猫", "東京都", "🔥")
OPERATORS = ("OR", "AND", "NOT", "-", "(", ")", '"', "title:", "selftext:", "author:", "self:yes", "flair:weekly")
NOISE = (" ", "*", "^", "{a}:", "NEAR(", ";", "'", "\\", "\0")
SYMBOLS = st.lists(st.sampled_from(WORDS + OPERATORS + NOISE), max_size=25).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(SYMBOLS | st.text(max_size=600))
def test_every_string_is_a_query_and_the_index_agrees_with_the_texts(query: str) -> None:
    node = parse(query)
    if node is None:
        return
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE VIRTUAL TABLE found USING fts5(words, content='', detail=none, tokenize='ascii')")
        db.executemany(
            "INSERT INTO found (rowid, words) VALUES (?, ?)", [(at, document(data)) for at, data in enumerate(POSTS)]
        )
        by_index = found(db, query)
    db.close()
    assert by_index == {at for at, data in enumerate(POSTS) if matches(node, document_of(data))}


def test_deep_nesting_is_answered(index: sqlite3.Connection) -> None:
    for query in ("(" * 500 + "cat", "-" * 511 + "a", "a OR (b -(" * 50, "title:" * 80 + "cat", "(a OR b) " * 60):
        found(index, query)
