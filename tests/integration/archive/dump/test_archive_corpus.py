"""Recorded Reddit things go in and come out whole."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reddit_mcp.archive.sqlite.archive_writer import Writer
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.archive_records import ask, served

KINDS = ("t1", "t2", "t3", "t5")


def lines(file: Path) -> Iterator[Any]:
    with file.open(encoding="utf-8") as opened:
        for line in opened:
            yield json.loads(line)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    path = tmp_path_factory.mktemp("archive") / "corpus.sqlite"
    with Writer(path) as writer:
        for kind in KINDS:
            writer.add((line["kind"], line["data"]) for line in lines(corpus / "things" / f"{kind}.jsonl"))
        writer.add(("t3", line.get("data", line)) for line in lines(corpus / "things" / "t3_from_csv_2013.jsonl"))
    return path


@pytest.fixture(scope="module")
def store(path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(path) as store:
        yield store


@pytest.fixture(scope="module")
def api(path: Path) -> Iterator[httpx.Client]:
    with served(path) as client:
        yield client


def test_every_field_of_every_thing_is_kept(store: SqliteStore, corpus: Path) -> None:
    for kind in ("t1", "t3"):
        for line in lines(corpus / "things" / f"{kind}.jsonl"):
            assert store.things([line["data"]["name"]])[0][1] == line["data"]


def test_answers_have_the_recorded_shape(api: httpx.Client, corpus: Path) -> None:
    """What the API shows is the recording; only its own viewer-dependent and derived fields may come on top."""
    for kind in ("t1", "t3"):
        for line in list(lines(corpus / "things" / f"{kind}.jsonl"))[::25]:
            shown = ask(api, "/api/info", id=line["data"]["name"])["data"]["children"][0]
            assert shown["kind"] == kind
            recorded = {name: value for name, value in line["data"].items() if name not in ("replies", "url")}
            changed = {name for name, value in recorded.items() if shown["data"].get(name) != value}
            assert changed <= {"permalink"}, (line["data"]["name"], changed)


def test_every_page_of_everything_is_served(api: httpx.Client, store: SqliteStore) -> None:
    for path in (
        "/new",
        "/top?t=all",
        "/hot",
        "/controversial?t=all",
        "/search?q=the&sort=comments",
        "/subreddits/popular",
    ):
        after: str | None = ""
        seen: list[str] = []
        while after is not None:
            data = ask(api, path, limit=100, after=after)["data"]
            seen += [child["data"].get("name", child["data"].get("display_name")) for child in data["children"]]
            after = data["after"]
        assert seen, path
        assert len(set(seen)) == len(seen), path


def test_every_thread_is_served_with_all_its_comments(api: httpx.Client, store: SqliteStore, corpus: Path) -> None:
    posts = {line["data"]["link_id"] for line in lines(corpus / "things" / "t1.jsonl")}
    kept = [data["id"] for _, data in store.things(sorted(posts))][:60]
    assert kept
    for post in kept:
        assert count(ask(api, f"/comments/{post}", limit=500)[1]) == len(store.thread(post))


def test_every_account_and_community_is_served(api: httpx.Client, corpus: Path) -> None:
    for line in lines(corpus / "things" / "t2.jsonl"):
        assert ask(api, f"/user/{line['data']['name']}/about")["data"]["name"] == line["data"]["name"]
        assert api.get(f"/user/{line['data']['name']}").status_code == 200
    for line in list(lines(corpus / "things" / "t5.jsonl"))[::20]:
        name = line["data"]["display_name"]
        assert ask(api, f"/r/{name}/about")["data"]["display_name"] == name


def count(listing: Any) -> int:
    """Comments in a nested listing, those behind `more` nodes included."""
    total = 0
    for child in listing["data"]["children"]:
        if child["kind"] == "more":
            total += child["data"]["count"]
        else:
            total += 1 + (count(child["data"]["replies"]) if child["data"]["replies"] else 0)
    return total
