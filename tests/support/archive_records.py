"""Small Reddit things for the tests of the archive."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.archive.sqlite.archive_writer import Writer
from reddit_mcp.archive.sqlite.raw_fields import base36
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore

NOW = 1_700_000_000
Thing = tuple[str, dict[str, Any]]


def post(number: str, title: str = "A title", **fields: Any) -> Thing:
    """A post made at NOW in r/first by anna."""
    data = {
        "id": number,
        "title": title,
        "selftext": "",
        "subreddit": "first",
        "author": "anna",
        "created_utc": NOW,
        "score": 1,
        "is_self": True,
        "num_comments": 0,
    }
    return "t3", data | fields


def comment(number: str, link: str = "p", parent: str | None = None, **fields: Any) -> Thing:
    """A comment made at NOW on the post `link`, or on the comment `parent`."""
    data = {
        "id": number,
        "body": f"body of {number}",
        "link_id": f"t3_{link}",
        "parent_id": f"t1_{parent}" if parent else f"t3_{link}",
        "subreddit": "first",
        "author": "bela",
        "created_utc": NOW,
        "score": 1,
    }
    return "t1", data | fields


def archive(path: Path, *things: Thing) -> Path:
    """An archive file with these things."""
    with Writer(path) as writer:
        writer.add(things)
    return path


def many() -> Iterator[Thing]:
    """A month of posts in three communities, with many ties."""
    dice = random.Random(7)
    for at in range(2_500):
        yield post(
            base36(40_000 + at),
            dice.choice(["cats sleep", "dogs run", "cats and dogs", "nothing"]),
            selftext=dice.choice(["", "cats are in the text", "a house cat", "cat house"]),
            subreddit=dice.choice(["first", "First", "second", "third"]),
            created_utc=NOW - at * 1_000,
            score=dice.randrange(-3, 40),
            upvote_ratio=dice.choice([0.5, 0.6, 0.9, 1.0]),
            num_comments=dice.randrange(20),
        )


class Growing:
    """An archive that grows while it is read."""

    def __init__(self, path: Path) -> None:
        self.writer = Writer(path)
        self.store = SqliteStore(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()
        self.writer.close()

    def add(self, *things: Thing) -> SqliteStore:
        self.writer.add(things)
        return self.store


@contextmanager
def served(path: Path) -> Iterator[httpx.Client]:
    """A client with a token of the API over an archive file."""
    headers = {"authorization": "bearer token"}
    with (
        SqliteStore(path) as store,
        serving(store) as url,
        httpx.Client(base_url=url, headers=headers, trust_env=False) as client,
    ):
        yield client


def ask(api: httpx.Client, path: str, **params: Any) -> Any:
    """The JSON of a path that exists, text as typed."""
    return api.get(httpx.URL(path).copy_merge_params({"raw_json": "1", **params})).raise_for_status().json()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    path = archive(tmp_path_factory.mktemp("archive") / "many.sqlite", *many())
    with SqliteStore(path) as store:
        yield store


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Growing]:
    with Growing(tmp_path / "small.sqlite") as small:
        yield small
