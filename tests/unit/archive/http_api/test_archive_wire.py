"""Things in Reddit's shape; what follows from the rest is filled in, numbers are never invented."""

from typing import Any

import pytest

from reddit_mcp.archive.archive_store import Node
from reddit_mcp.archive.http_api import reddit_json
from reddit_mcp.archive.http_api.comment_tree import Tree
from tests.support.archive_records import comment, post


def test_an_early_post_gets_what_follows_from_the_rest() -> None:
    data = {
        "id": "87",
        "title": "A Title, éh?",
        "subreddit": "first",
        "created_utc": "1134028003",
        "domain": "self.first",
    }
    assert reddit_json.post(data)["data"] == {
        **data,
        "name": "t3_87",
        "subreddit_name_prefixed": "r/first",
        "permalink": "/r/first/comments/87/a_title_eh/",
        "url": "https://www.reddit.com/r/first/comments/87/a_title_eh/",
        "is_self": True,
        "created_utc": 1134028003.0,
    }


def test_a_link_keeps_its_address() -> None:
    shown = reddit_json.post(
        {"id": "a", "url": "https://example.org/", "domain": "example.org", "permalink": "/r/x/comments/a/b/"}
    )
    assert shown["data"]["url"] == "https://example.org/"
    assert shown["data"]["is_self"] is False
    assert shown["data"]["permalink"] == "/r/x/comments/a/b/"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (
            {"score": "12", "created_utc": "soon", "upvote_ratio": "half"},
            {"score": 12, "created_utc": None, "upvote_ratio": None},
        ),
        ({"author": None}, {"author": "[deleted]"}),
        ({"author": "anna"}, {"author": "anna"}),
    ],
)
def test_odd_values_are_read(given: dict[str, Any], shown: dict[str, Any]) -> None:
    data = reddit_json.post({"id": "a", **given})["data"]
    assert {name: data[name] for name in shown} == shown


def test_numbers_and_authors_that_the_source_lacks_stay_absent() -> None:
    for shown in (reddit_json.post({"id": "a"})["data"], reddit_json.comment({"id": "a"})["data"]):
        assert shown.keys().isdisjoint({"score", "created_utc", "upvote_ratio", "num_comments", "author", "subreddit"})


@pytest.mark.parametrize(
    ("parent", "expected"),
    [("t3_p", "t3_p"), ("t1_c", "t1_c"), (None, "t3_p"), ("p", "t3_p"), ("c", "t1_c"), ("!", "t3_p")],
)
def test_a_comments_parent(parent: str | None, expected: str) -> None:
    shown = reddit_json.comment({"id": "d", "link_id": "p", "parent_id": parent, "subreddit": "x"})["data"]
    assert (shown["link_id"], shown["parent_id"]) == ("t3_p", expected)
    assert shown["permalink"] == "/r/x/comments/p/_/d/"


def test_communities() -> None:
    shown = reddit_json.subreddit({"display_name": "First", "name": "t5_2ABC", "rules": [1]})
    assert shown == {
        "kind": "t5",
        "data": {
            "display_name": "First", "display_name_prefixed": "r/First", "url": "/r/First/", "name": "t5_2abc",
            "id": "2abc",
        },
    }  # fmt: skip
    assert reddit_json.subreddit({"display_name": "u_anna"})["data"]["url"] == "/user/anna/"


@pytest.mark.parametrize("given", [None, "text", {}, [1, None]])
def test_rules_that_are_none(given: Any) -> None:
    assert reddit_json.rules({"rules": given})["rules"] == []


def test_rules() -> None:
    given = {"short_name": "Be kind", "description": "Always", "kind": "all"}
    assert reddit_json.rules({"rules": [given]})["rules"] == [given | {"violation_reason": "Be kind", "priority": 0}]


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Hello, World!", "hello_world"),
        ("", "_"),
        ("!!!", "_"),
        ("a" * 80, "a" * 50),
        ("東京 都", "東京_都"),
        ("snake__case", "snake_case"),
    ],
)
def test_slug(title: str, slug: str) -> None:
    assert reddit_json.slug(title) == slug


def test_comments_nested_and_flat() -> None:
    things = [comment("1"), comment("2", parent="1"), comment("3", parent="x")]
    bodies = {int(data["id"], 36): data for _, data in things}
    places = {1: None, 2: 1, 3: 999}
    nodes = [Node(at, parent, at, 1, 0, False, False, at == 2) for at, parent in places.items()]
    parts = Tree(nodes, "old").top(2, 10)
    nested = reddit_json.nested(parts, bodies, "t3_p")
    assert nested[0]["data"]["replies"]["data"]["children"][0]["data"]["is_submitter"] is True
    assert nested[0]["data"]["depth"] == 0
    assert nested[1] == {
        "kind": "more",
        "data": {"count": 1, "name": "t1_3", "id": "3", "parent_id": "t3_p", "depth": 0, "children": ["3"]},
    }
    flat = reddit_json.flattened(Tree(nodes, "old").top(9, 10), bodies, "t3_p")
    assert [(each["data"]["id"], each["data"]["parent_id"], each["data"]["replies"]) for each in flat] == [
        ("1", "t3_p", ""), ("2", "t1_1", ""), ("3", "t3_p", ""),
    ]  # fmt: skip


def test_a_thing_of_each_kind() -> None:
    assert [reddit_json.thing(each)["kind"] for each in (post("a"), comment("b"), ("t2", {}), ("t5", {}))] == [
        "t3",
        "t1",
        "t2",
        "t5",
    ]
