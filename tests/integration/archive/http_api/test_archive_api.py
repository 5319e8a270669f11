"""Reddit's HTTP API over an archive: paths, pages, errors, headers, as recorded traffic shows them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reddit_mcp.archive.archive_store import Thing
from reddit_mcp.archive.sqlite.raw_fields import base36
from tests.support.archive_records import NOW, archive, ask, comment, post, served


def things() -> Iterator[Thing]:
    yield (
        "t5",
        {
            "display_name": "First",
            "name": "t5_1",
            "title": "The first",
            "subscribers": 10,
            "rules": [{"short_name": "Be kind", "kind": "all", "description": "<always>"}],
        },
    )
    yield "t5", {"display_name": "second", "name": "t5_2", "subscribers": 20}
    yield "t2", {"name": "anna", "id": "1", "link_karma": 7}
    yield post("p", "Cats & <dogs>", selftext="R&D", score=50, created_utc=NOW)
    yield post("q", "مرحبا بالعالم", subreddit="second", score=30, created_utc=NOW - 10, author="bela")
    yield post("r", "東京の猫 🔥", subreddit="third", score=20, created_utc=NOW - 20, author="[deleted]")
    for at in range(1_100):
        yield post(
            base36(2_000_000 + at), f"filler {at}", subreddit="second", created_utc=NOW - 1_000 - at, author="bela"
        )
    yield comment("1", author="anna", score=9)
    yield comment("2", parent="1", score=5)
    yield comment("orphan", link="nowhere", author="anna", created_utc=NOW - 3)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with served(archive(tmp_path_factory.mktemp("archive") / "api.sqlite", *things())) as client:
        yield client


def page(api: httpx.Client, path: str, **params: Any) -> tuple[list[str], Any, Any]:
    data = ask(api, path, **params)["data"]
    assert data["dist"] == len(data["children"])
    return [child["data"].get("name") for child in data["children"]], data["after"], data["before"]


def test_token(api: httpx.Client) -> None:
    forms: list[dict[str, str]] = [{"grant_type": "client_credentials"}, {"grant_type": "password", "username": "u"}]
    for form in forms:
        answer = api.post("/api/v1/access_token", data=form, auth=("any", "body"))
        token = answer.json()
        assert answer.status_code == 200
        assert token["token_type"] == "bearer"
        assert token["expires_in"] == 3_600
        assert api.get("/new", headers={"authorization": f"bearer {token['access_token']}"}).status_code == 200
    assert api.get("/api/v1/access_token").status_code == 405


@pytest.mark.parametrize("given", ["", "bearer"])
def test_without_a_token_nothing_is_answered(api: httpx.Client, given: str) -> None:
    answer = api.get("/r/first/hot", headers={"authorization": given})
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized", "error": 401})


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/r/FIRST", "t3_p"), ("/r/first/", "t3_p"), ("/r/first.json", "t3_p"), ("/r/first/.json", "t3_p"),
        ("/r/first/hot", "t3_p"), ("/r/first/hot.json", "t3_p"), ("/r/first/best/", "t3_p"), ("/", "t3_p"),
        ("/.json", "t3_p"), ("/new", "t3_p"), ("/r/all/top", "t3_p"), ("/r/popular/new", "t3_p"), ("/rising", "t3_p"),
        ("/r/second+third/new", "t3_q"), ("/r/third+nowhere", "t3_r"), ("/r/first/controversial", "t3_p"),
    ],
)  # fmt: skip
def test_listings(api: httpx.Client, path: str, first: str) -> None:
    assert page(api, path)[0][0] == first


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/r/first/nothing", "/r/a+b", "/user/nobody/about", "/user/nobody", "/user/anna/saved", "/a/b/c/d",
        "/comments/zzz", "/comments/!", "/r/first/comments/zzz/slug", "/api/v1/me", "/r/first/about/moderators",
        "/user/anna/a/b",
    ],
)  # fmt: skip
def test_what_is_not_there(api: httpx.Client, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found", "error": 404})


@pytest.mark.parametrize("path", ["", "/new", "/about", "/about/rules", "/search?q=x"])
def test_an_unknown_community_leads_to_the_search(api: httpx.Client, path: str) -> None:
    answer = api.get(f"/r/nowhere{path}")
    assert (answer.status_code, answer.headers["location"]) == (302, "/subreddits/search?q=nowhere")


def test_a_name_cannot_add_headers(api: httpx.Client) -> None:
    assert (
        api.get("/r/x%0d%0aset-cookie:%20a/new").headers["location"] == "/subreddits/search?q=x%0D%0Aset-cookie%3A%20a"
    )


def test_pages_follow_each_other_to_the_thousandth_thing(api: httpx.Client) -> None:
    seen: list[str] = []
    after, lengths = None, []
    while True:
        names, after, _ = page(api, "/r/second/new", limit=100, count=len(seen), **({"after": after} if after else {}))
        seen += names
        lengths.append(len(names))
        if after is None:
            break
    assert lengths == [100] * 10
    assert len(set(seen)) == 1_000


def test_before_is_the_page_before(api: httpx.Client) -> None:
    first, after, before = page(api, "/r/second/new", limit=10)
    second, _, back = page(api, "/r/second/new", limit=10, after=after, count=10)
    assert (before, back) == (None, second[0])
    assert page(api, "/r/second/new", limit=10, after=after)[2] is None
    assert page(api, "/r/second/new", limit=10, before=back)[0] == first


@pytest.mark.parametrize(
    ("given", "length"), [("0", 1), ("-5", 1), ("7", 7), ("100", 100), ("1024", 100), ("x", 25), ("", 25), (None, 25)]
)
def test_limit(api: httpx.Client, given: str | None, length: int) -> None:
    assert len(page(api, "/r/second/new", **({} if given is None else {"limit": given}))[0]) == length


@pytest.mark.parametrize("cursor", ["t3_zzzzzz", "nonsense", "", "t3_p"])
def test_a_bad_cursor_is_ignored(api: httpx.Client, cursor: str) -> None:
    assert page(api, "/r/second/new", after=cursor) == page(api, "/r/second/new")


def test_the_time_filter(api: httpx.Client) -> None:
    assert len(page(api, "/r/second/top", t="hour", limit=100)[0]) == 100
    assert page(api, "/r/second/top", t="nonsense") == page(api, "/r/second/top", t="day")


def test_text_is_escaped_unless_raw_json_is_asked_for(api: httpx.Client) -> None:
    raw = ask(api, "/r/first")["data"]["children"][0]["data"]
    escaped = api.get("/r/first").raise_for_status().json()["data"]["children"][0]["data"]
    assert (raw["title"], raw["selftext"]) == ("Cats & <dogs>", "R&D")
    assert (escaped["title"], escaped["selftext"]) == ("Cats &amp; &lt;dogs&gt;", "R&amp;D")


def test_headers(api: httpx.Client) -> None:
    first, second = api.get("/new"), api.get("/nothing")
    used = [int(answer.headers["x-ratelimit-used"]) for answer in (first, second)]
    assert used[1] == used[0] + 1
    for answer, count in zip((first, second), used, strict=True):
        assert answer.headers["x-ratelimit-remaining"] == str(float(60_000 - count))
        assert 0 < int(answer.headers["x-ratelimit-reset"]) <= 600
        assert answer.headers["x-archive-span"] == f"{NOW - 2_099}-{NOW}"
        assert answer.headers["content-type"] == "application/json; charset=UTF-8"


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/search", "cats", ["t3_p"]),
        ("/search", "猫", ["t3_r"]),
        ("/search", "🔥", ["t3_r"]),
        ("/search", "مرحبا", ["t3_q"]),
        ("/search", "title:cats OR author:bela -filler", ["t3_p", "t3_q"]),
        ("/r/first/search", "cats OR 猫", ["t3_p"]),
        ("/r/first+third/search", "cats OR 猫 OR مرحبا", ["t3_p", "t3_r"]),
        ("/r/all/search", "cats OR 猫", ["t3_p", "t3_r"]),
        ("/search", "'; DROP TABLE post; --", []),
        ("/search", '"', []),
        ("/search", "", []),
    ],
)
def test_search(api: httpx.Client, path: str, query: str, expected: list[str]) -> None:
    assert page(api, path, q=query, restrict_sr="True", sort="top")[0] == expected


def test_a_search_is_everywhere_unless_restricted(api: httpx.Client) -> None:
    assert page(api, "/r/first/search", q="猫")[0] == ["t3_r"]
    assert page(api, "/search", q="filler", sort="new", t="all", limit=2)[1] == f"t3_{base36(2_000_001)}"
    assert page(api, "/search", q="cats", sort="nonsense", t="nonsense")[0] == ["t3_p"]


def test_info(api: httpx.Client) -> None:
    assert page(api, "/api/info", id="t3_q,t1_1,t5_1,t3_zzz,junk")[0] == ["t3_q", "t1_1", "t5_1"]
    assert page(api, "/by_id/t3_q,t3_p")[0] == ["t3_q", "t3_p"]
    assert page(api, "/api/info")[0] == []


def test_users(api: httpx.Client) -> None:
    assert ask(api, "/user/ANNA/about") == {"kind": "t2", "data": {"name": "anna", "id": "1", "link_karma": 7}}
    assert ask(api, "/user/bela/about") == {"kind": "t2", "data": {"name": "bela"}}
    assert api.get("/user/[deleted]/about").status_code == 404


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/user/anna", ["t3_p", "t1_1", "t1_orphan"]),
        ("/user/anna/overview", ["t3_p", "t1_1", "t1_orphan"]),
        ("/user/anna/submitted", ["t3_p"]),
        ("/user/anna/comments?sort=top", ["t1_1", "t1_orphan"]),
        ("/user/anna/comments?sort=new&limit=1", ["t1_1"]),
    ],
)
def test_histories(api: httpx.Client, path: str, expected: list[str]) -> None:
    assert page(api, path)[0] == expected


def test_a_comment_in_a_listing_names_its_post(api: httpx.Client) -> None:
    first, orphan = [child["data"] for child in ask(api, "/user/anna/comments")["data"]["children"]]
    assert (first["link_title"], first["link_author"]) == ("Cats & <dogs>", "anna")
    assert first["link_permalink"] == "https://www.reddit.com/r/first/comments/p/cats_dogs/"
    assert "link_title" not in orphan


def test_communities(api: httpx.Client) -> None:
    about = ask(api, "/r/first/about")
    assert (about["kind"], about["data"]["display_name"], about["data"]["title"]) == ("t5", "First", "The first")
    assert "rules" not in about["data"]
    assert ask(api, "/r/third/about")["data"] == {
        "display_name": "third", "display_name_prefixed": "r/third", "url": "/r/third/",
    }  # fmt: skip
    assert ask(api, "/r/first/about/rules")["rules"] == [
        {
            "short_name": "Be kind",
            "kind": "all",
            "description": "<always>",
            "violation_reason": "Be kind",
            "priority": 0,
        }
    ]
    assert ask(api, "/r/third/about/rules")["rules"] == []


def test_finding_communities(api: httpx.Client) -> None:
    assert page(api, "/subreddits/popular")[0] == ["t5_2", "t5_1", None]
    assert page(api, "/subreddits/search", q="the first")[0] == ["t5_1"]
    assert page(api, "/subreddits/popular", limit=1)[1] == "t5_2"
    assert page(api, "/subreddits/popular", limit=1, after="t5_2")[0] == ["t5_1"]
    for answer in (api.get, api.post):
        assert answer("/api/search_reddit_names", params={"query": "SE"}).json() == {"names": ["second"]}
    assert api.get("/api/search_reddit_names", params={"query": "se", "exact": "true"}).status_code == 404
    assert ask(api, "/api/search_reddit_names", query="Second", exact=1) == {"names": ["second"]}
    assert page(api, "/api/subreddit_autocomplete_v2", query="fi")[0] == ["t5_1"]


def test_bad_bytes_are_answered(api: httpx.Client) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert api.post("/api/morechildren", content=b"link_id=t3_p&children=\xff%ff%00,1", headers=form).status_code == 200
    assert api.get("/search?q=%ff%00%ed%a0%80").status_code == 200
    assert api.get("/r/%ff%00/new").status_code == 302
