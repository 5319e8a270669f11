"""What each question to Reddit looks like, and which questions are the same."""

from typing import Any, TypeVar, cast

import pytest

from reddit_mcp.models import Value
from reddit_mcp.upstream.client import TTL, Reddit
from reddit_mcp.upstream.source import Answer, Query

T = TypeVar("T", bound=Value)


class Asked:
    """A Source that notes what it is asked."""

    def __init__(self) -> None:
        self.queries: list[Query[Any]] = []

    async def fetch(self, query: Query[T]) -> Answer[T]:
        self.queries.append(query)
        return Answer(cast("T", query.model.model_construct()))


async def asked(verb: str, *arguments: Any, **named: Any) -> Query[Any]:
    source = Asked()
    await getattr(Reddit(source), verb)(*arguments, **named)
    (query,) = source.queries
    return query


@pytest.mark.parametrize(
    ("sort", "params"),
    [
        ("hot", {"limit": "100"}),
        ("new", {"limit": "100"}),
        ("rising", {"limit": "100"}),
        ("top", {"limit": "100", "t": "week"}),
        ("controversial", {"limit": "100", "t": "week"}),
    ],
)
async def test_listings(sort: str, params: dict[str, str]) -> None:
    query = await asked("posts", "Kettles", sort, "week")
    assert (query.kind, query.method, query.path) == ("listing", "GET", f"/r/kettles/{sort}")
    assert dict(query.params) == params
    assert query.ttl == {"hot": 300, "new": 120, "rising": 180, "top": 3600, "controversial": 3600}[sort]
    assert query.resource == "community r/Kettles"


async def test_pages_of_joined_communities() -> None:
    query = await asked("posts", "a1+b2", "new", "day", 5, "t3_x")
    assert query.path == "/r/a1+b2/new"
    assert dict(query.params) == {"limit": "5", "after": "t3_x"}


@pytest.mark.parametrize(("community", "restricted"), [("all", "false"), ("ALL", "false"), ("Kettles", "true")])
async def test_search(community: str, restricted: str) -> None:
    query = await asked("search", '"blue kettle" AND title:x', community, "top", "year", 10, "t3_x")
    assert (query.kind, query.path, query.ttl) == ("search", f"/r/{community.lower()}/search", TTL["search"])
    assert dict(query.params) == {
        "q": '"blue kettle" AND title:x',
        "sort": "top",
        "t": "year",
        "limit": "10",
        "after": "t3_x",
        "type": "link",
        "restrict_sr": restricted,
    }


async def test_a_search_for_zero_is_a_search() -> None:
    assert dict((await asked("search", "0", "all", "new", "all")).params)["q"] == "0"


@pytest.mark.parametrize(
    ("sort", "api"), [("best", "confidence"), ("top", "top"), ("qa", "qa"), ("controversial", "controversial")]
)
async def test_threads(sort: str, api: str) -> None:
    query = await asked("thread", "1abc2d", sort, 100, 3)
    assert (query.kind, query.path, query.ttl) == ("comments", "/comments/1abc2d", 900)
    assert dict(query.params) == {"sort": api, "limit": "100", "depth": "3"}
    assert query.resource == "post 1abc2d"


async def test_a_branch_of_a_thread() -> None:
    query = await asked("thread", "1abc2d", comment_id="k1")
    assert query.path == "/comments/1abc2d/_/k1"
    assert dict(query.params) == {"sort": "confidence"}
    assert query.resource == "comment k1 in post 1abc2d"


async def test_an_id_out_of_an_answer_cannot_leave_its_place_in_the_path() -> None:
    query = await asked("thread", "1abc2d", comment_id="../../api/v1/me?x=1#y")
    assert query.path == "/comments/1abc2d/_/..%2f..%2fapi%2fv1%2fme%3fx%3d1%23y".replace("%2f", "%2F").replace(
        "%3f", "%3F"
    ).replace("%3d", "%3D")


async def test_more_asks_for_all_children_at_once() -> None:
    children = tuple(f"k{number}" for number in range(6379))
    query = await asked("more", "1abc2d", children, "best")
    assert (query.method, query.path, query.ttl) == ("POST", "/api/morechildren", 900)
    assert dict(query.params) == {"children": ",".join(children), "link_id": "t3_1abc2d", "sort": "confidence"}


@pytest.mark.parametrize(
    ("verb", "arguments", "path", "params", "ttl"),
    [
        ("user", ("Tea_Lover",), "/user/tea_lover/about", {}, 600),
        ("history", ("Tea_Lover", "overview"), "/user/tea_lover/overview", {"limit": "100", "sort": "new"}, 600),
        (
            "history",
            ("x", "comments", 5, "t1_a"),
            "/user/x/comments",
            {"limit": "5", "sort": "new", "after": "t1_a"},
            600,
        ),
        ("subreddit", ("Kettles",), "/r/kettles/about", {}, 3600),
        ("rules", ("Kettles",), "/r/kettles/about/rules", {}, 3600),
        ("completions", ("Ket",), "/api/search_reddit_names", {"query": "ket", "include_over_18": "false"}, 3600),
        ("info", ("t1_k1", "comment k1"), "/api/info", {"id": "t1_k1"}, 900),
    ],
)
async def test_other_questions(
    verb: str, arguments: tuple[Any, ...], path: str, params: dict[str, str], ttl: int
) -> None:
    query = await asked(verb, *arguments)
    assert (query.method, query.path, dict(query.params), query.ttl) == ("GET", path, params, ttl)


@pytest.mark.parametrize(
    ("verb", "one", "other"),
    [
        ("posts", ("Kettles", "hot", "day"), ("kettles", "hot", "week")),
        ("search", ("x", "KETTLES", "new", "day"), ("x", "kettles", "new", "day")),
        ("user", ("Tea_Lover",), ("tea_lover",)),
        ("history", ("SPEZ", "comments"), ("spez", "comments")),
        ("subreddit", ("PYTHON",), ("python",)),
        ("rules", ("Python",), ("python",)),
        ("completions", ("KET",), ("ket",)),
    ],
)
async def test_equal_questions_share_a_key(verb: str, one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (await asked(verb, *one)).key == (await asked(verb, *other)).key


async def test_different_questions_have_different_keys() -> None:
    questions: list[tuple[Any, ...]] = [
        ("search", "kettle", "all", "new", "day"),
        ("search", "Kettle", "all", "new", "day"),
        ("search", "чайник", "all", "new", "day"),
        ("search", "кettle", "all", "new", "day"),  # a Cyrillic letter
        ("search", "水壺", "all", "new", "day"),
        ("search", "水壶", "all", "new", "day"),
        ("search", "???", "all", "new", "day"),
        ("search", "kettle", "kettles", "new", "day"),
        ("search", "kettle", "all", "top", "day"),
        ("search", "kettle", "all", "new", "week"),
        ("search", "kettle", "all", "new", "day", 25),
        ("search", "kettle", "all", "new", "day", 100, "t3_x"),
        ("posts", "kettles", "new", "day"),
        ("posts", "kettles", "hot", "day"),
        ("posts", "kettles", "top", "day"),
        ("posts", "kettles", "top", "week"),
        ("user", "kettles"),
        ("subreddit", "kettles"),
        ("rules", "kettles"),
        ("history", "kettles", "comments"),
        ("history", "kettles", "submitted"),
        ("thread", "1abc2d"),
        ("thread", "1abc2d", "new"),
        ("thread", "1abc2d", "best", 5),
        ("thread", "1abc2d", "best", 0, 5),
        ("thread", "1abc2d", "best", 0, 0, "k1"),
        ("more", "1abc2d", ("a",)),
        ("more", "1abc2d", ("a", "b")),
        ("info", "t1_k1", "comment k1"),
    ]
    keys = [(await asked(*question)).key for question in questions]
    assert len(set(keys)) == len(keys)


async def test_a_key_names_its_kind() -> None:
    assert (await asked("user", "tea_lover")).key.startswith("user:")
