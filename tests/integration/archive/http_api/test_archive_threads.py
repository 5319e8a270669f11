"""Threads over HTTP: nested comments, one branch, and what `more` nodes open."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reddit_mcp.archive.archive_store import Thing
from reddit_mcp.archive.sqlite.raw_fields import base36
from tests.support.archive_records import archive, ask, comment, post, served


def things() -> Iterator[Thing]:
    yield post("p", "Cats & <dogs>")
    yield comment("1", author="anna", score=9)
    yield comment("2", parent="1", score=5)
    for at in range(3, 15):
        yield comment(base36(at), parent=base36(at - 1), score=1)
    yield comment("lost", parent="gone", body="my parent is missing")
    yield post("big", "A long thread", num_comments=1_500)
    for at in range(1_500):
        parent = base36(3_000_000 + at // 3) if at % 4 else None
        yield comment(base36(3_000_001 + at), link="big", parent=parent, score=at % 17)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with served(archive(tmp_path_factory.mktemp("archive") / "threads.sqlite", *things())) as client:
        yield client


def test_comments(api: httpx.Client) -> None:
    head, replies = ask(api, "/comments/p")
    submission = head["data"]["children"][0]["data"]
    assert (submission["name"], submission["permalink"]) == ("t3_p", "/r/first/comments/p/cats_dogs/")
    top = replies["data"]["children"]
    assert [child["data"]["id"] for child in top] == ["1", "lost"]
    first = top[0]["data"]
    assert (first["depth"], first["parent_id"], first["link_id"], first["is_submitter"]) == (0, "t3_p", "t3_p", True)
    assert first["replies"]["data"]["children"][0]["data"]["parent_id"] == "t1_1"
    assert top[1]["data"]["parent_id"] == "t3_p"


def test_a_deep_thread_ends_in_a_continue_node(api: httpx.Client) -> None:
    def chain(children: list[Any]) -> list[Any]:
        data = children[0]["data"]
        below = data.get("replies")
        return [data, *(chain(below["data"]["children"]) if below else [])]

    found = chain(ask(api, "/comments/p")[1]["data"]["children"])
    assert [data["depth"] for data in found] == list(range(11))
    assert found[-1] == {"count": 0, "name": "t1__", "id": "_", "parent_id": "t1_a", "depth": 10, "children": []}
    assert [data["depth"] for data in chain(ask(api, "/comments/p?depth=2")[1]["data"]["children"])] == [0, 1, 2]


@pytest.mark.parametrize(
    "path",
    [
        "/comments/p/_/3",
        "/r/first/comments/p/some_title/3/",
        "/comments/p?comment=3",
        "/r/first/comments/p?comment=t1_3",
    ],
)
def test_one_branch(api: httpx.Client, path: str) -> None:
    top = ask(api, path)[1]["data"]["children"]
    assert [child["data"]["id"] for child in top] == ["3"]
    above = ask(api, path, context=100)[1]["data"]["children"]
    assert [child["data"]["id"] for child in above] == ["1"]


def test_an_unknown_branch_is_empty(api: httpx.Client) -> None:
    assert ask(api, "/comments/p/_/zzz")[1]["data"]["children"] == []
    assert ask(api, "/comments/p/_/!!")[1]["data"]["children"] == []


def collapsed(things: list[Any]) -> Iterator[Any]:
    for each in things:
        if each["kind"] == "more":
            yield each["data"]
        elif each["data"]["replies"]:
            yield from collapsed(each["data"]["replies"]["data"]["children"])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_morechildren(api: httpx.Client, method: str) -> None:
    top = ask(api, "/comments/big", limit=50, sort="new")[1]["data"]["children"]
    biggest = max(collapsed(top), key=lambda data: data["count"])
    form = {"link_id": "t3_big", "children": ",".join(biggest["children"]), "sort": "new", "api_type": "json"}
    path = "/api/morechildren"
    answer = api.post(path, data=form) if method == "POST" else api.get(path, params=form)
    found = answer.json()["json"]
    shown = [each["data"] for each in found["data"]["things"] if each["kind"] == "t1"]
    rest = [each["data"] for each in found["data"]["things"] if each["kind"] == "more"]
    assert found["errors"] == []
    assert len(shown) == 100
    assert len(shown) + sum(data["count"] for data in rest) == biggest["count"]
    known = {biggest["parent_id"]}
    for data in shown:
        assert data["parent_id"] in known
        assert data["replies"] == ""
        known.add(data["name"])


def test_morechildren_alone_and_of_nothing(api: httpx.Client) -> None:
    form = {"link_id": "t3_p", "children": "1,zzz,!", "limit_children": "true"}
    things = api.post("/api/morechildren", data=form).json()["json"]["data"]["things"]
    assert [(each["kind"], each["data"]["id"]) for each in things] == [("t1", "1"), ("more", "_")]
    assert api.post("/api/morechildren", data={"link_id": "t3_p"}).json()["json"]["data"]["things"] == []
    assert api.post("/api/morechildren", data={"children": "1"}).status_code == 404
