"""search_reddit by kind and by date over each source; what one lacks is said, and what it names instead works."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.archive.sqlite.archive_writer import Writer
from tests.support import archive_records
from tests.support.arctic_shift import Bench, arctic
from tests.support.fake_arctic_shift.things import DAY
from tests.support.fake_arctic_shift.things import NOW as ARCTIC_NOW
from tests.support.fake_arctic_shift.things import community as arctic_community
from tests.support.scripted_reddit import Reply, ScriptedReddit, reddit
from tests.support.three_sources import Tools, link, listed, live, over_archive, over_arctic_shift, paged

__all__ = ["arctic", "live", "reddit"]

Json = Any
NOW = archive_records.NOW
COMMENT_RESULT = {"id", "author", "body", "score", "depth", "replies", "created_utc", "permalink", "post"}


def things() -> list[archive_records.Thing]:
    found = [
        archive_records.post(f"p{day:02d}", f"Kettle number {day}", created_utc=NOW - day * DAY, subreddit="kettles")
        for day in range(30)
    ]
    found += [
        archive_records.comment(
            f"c{day:02d}", f"p{day:02d}", body=f"My kettle sang on day {day}", created_utc=NOW - day * DAY,
            subreddit="kettles", author="bela" if day % 3 else "anna",
        )
        for day in range(30)
    ]  # fmt: skip
    described = {
        "id": "2aaa", "display_name": "kettles", "title": "All about tea", "public_description": "Boiling water.",
        "subscribers": 900, "over18": False, "created_utc": NOW - 900 * DAY,
    }  # fmt: skip
    return [
        *found,
        ("t5", described),
        ("t5", {"id": "2aab", "display_name": "Pots", "title": "Water in pots", "subscribers": 50}),
        archive_records.post("q1", "Elsewhere", subreddit="watercolour", subreddit_subscribers=70),
    ]


@pytest.fixture
async def archived(tmp_path: Path) -> AsyncIterator[Tools]:
    async with over_archive(archive_records.archive(tmp_path / "db", *things())) as tools:
        yield tools


async def everything(tools: Tools, **arguments: Json) -> list[Json]:
    """All pages of a search; no page is repeated and the last one says so."""
    found: list[Json] = []
    after = ""
    for _ in range(20):
        answer = await tools("search_reddit", **arguments, after=after)
        assert answer["total_found"] == len(answer["results"]) <= arguments["limit"]
        found += answer["results"]
        after = answer["after"]
        if after is None:
            return found
    raise AssertionError(arguments)


@pytest.mark.parametrize("since", ["2023-11-04T22:13:20Z", str(NOW - 10 * DAY), NOW - 10 * DAY])
async def test_archive_posts_in_a_range(archived: Tools, since: Json) -> None:
    found = await everything(archived, query="kettle", since=since, until=str(NOW - 4 * DAY), sort="new", limit=4)
    assert [post["id"] for post in found] == [f"p{day:02d}" for day in range(5, 11)]


async def test_archive_comments(archived: Tools) -> None:
    found = await everything(
        archived, query="kettle", kind="Comments", subreddit="kettles", since="2023-11-04", sort="new", limit=4
    )
    assert [each["id"] for each in found] == [f"c{day:02d}" for day in range(11)]
    assert found[3].keys() == COMMENT_RESULT
    assert found[3]["post"] == {"id": "p03", "title": "Kettle number 3", "subreddit": "kettles"}
    assert found[3]["permalink"] == "https://www.reddit.com/r/kettles/comments/p03/_/c03/"
    by_anna = await archived("search_reddit", query="author:anna sang", kind="comments", time_filter="week", sort="new")
    assert [each["id"] for each in by_anna["results"]] == ["c00", "c03", "c06"]
    full = await archived("search_reddit", query='"on day 3"', kind="comments", time_filter="all", detail="full")
    assert [each["body"] for each in full["results"]] == ["My kettle sang on day 3"]
    assert {"type", "parent_id", "post", "permalink"} <= full["results"][0].keys()


async def test_archive_communities_by_topic(archived: Tools) -> None:
    found = await everything(archived, query="water", kind="communities", limit=1)
    assert [each["name"] for each in found] == ["kettles", "watercolour", "Pots"]
    assert found[0] == {
        "name": "kettles", "title": "All about tea", "description": "Boiling water.", "subscribers": 900,
        "over18": False, "created_utc": NOW - 900 * DAY,
    }  # fmt: skip
    both = await archived("search_reddit", query="tea boiling", kind="communities")
    assert ([each["name"] for each in both["results"]], both["after"]) == (["kettles"], None)


async def test_archive_without_the_index_says_what_to_ask_and_that_works(tmp_path: Path) -> None:
    with Writer(tmp_path / "db", comment_index=False) as writer:
        writer.add(things())
    async with over_archive(tmp_path / "db") as tools:
        sentence = await tools.refused("search_reddit", query="kettle", kind="comments")
        assert "get_post_comments" in sentence
        posts = await tools("search_reddit", query="kettle", kind="posts", sort="new")
        thread = await tools("get_post_comments", post_id=posts["results"][0]["id"])
        assert thread["comments"][0]["body"] == "My kettle sang on day 0"
        assert (await tools("get_user_info", username="anna", include="comments"))["comments"]


async def test_reddit_searches_no_comments_and_what_it_names_works(live: Tools, reddit: ScriptedReddit) -> None:
    sentence = await live.refused("search_reddit", query="kettle", kind="comments")
    assert reddit.requests == []
    assert all(name in sentence for name in ("kind posts", "get_post_comments", "get_user_info"))
    reddit.answer = lambda _: listed(link("a1", NOW))
    assert (await live("search_reddit", query="kettle", kind="posts"))["results"][0]["id"] == "a1"
    comment = {"kind": "t1", "data": {"id": "c1", "body": "hi", "link_id": "t3_a1"}}
    tree = [listed(link("a1", NOW)).body, listed(comment).body]
    reddit.answer = lambda _: Reply(body=tree)
    assert (await live("get_post_comments", post_id="a1"))["comments"][0]["body"] == "hi"
    reddit.answer = lambda asked: (
        Reply(body={"kind": "t2", "data": {"name": "anna"}}) if asked.path.endswith("about") else listed(comment)
    )
    assert (await live("get_user_info", username="anna", include="comments"))["comments"][0]["id"] == "c1"


async def test_reddit_range_is_filtered_from_pages_by_time(live: Tools, reddit: ScriptedReddit) -> None:
    paged(reddit, [link(f"a{at}", NOW - at * 3600) for at in range(250)])
    answer = await live("search_reddit", query="x", since=str(NOW - 150 * 3600), until=str(NOW - 140 * 3600))
    assert [post["id"] for post in answer["results"]] == [f"a{at}" for at in range(141, 151)]
    assert (answer["after"], answer["metadata"].get("degraded")) == (None, None)
    assert (answer["metadata"]["reddit_api_calls"], len(reddit.requests)) == (2, 2)
    assert [request.query["sort"] for request in reddit.requests] == ["new", "new"]
    assert not {"since", "until"} & reddit.requests[0].query.keys()


async def test_reddit_range_is_paged_to_its_end(live: Tools, reddit: ScriptedReddit) -> None:
    paged(reddit, [link(f"a{at}", NOW - at * 3600) for at in range(900)])
    asked = {"query": "x", "since": str(NOW - 700 * 3600), "until": str(NOW - 390 * 3600), "limit": 100}
    found = await everything(live, **asked)
    assert [post["id"] for post in found] == [f"a{at}" for at in range(391, 701)]


async def test_reddit_range_out_of_reach_is_said(live: Tools, reddit: ScriptedReddit) -> None:
    paged(reddit, [link(f"a{at}", NOW - at * 3600) for at in range(900)])
    answer = await live("search_reddit", query="x", since="2023-10-01", until=str(NOW - 299 * 3600), sort="top")
    assert len(reddit.requests) == 3
    assert answer["results"] == []
    assert "300 newest" in answer["metadata"]["degraded"]
    assert "not by top" in answer["metadata"]["degraded"]
    following = await live("search_reddit", query="x", since="2023-10-01", after=answer["after"])
    assert following["results"][0]["id"] == "a300"


async def test_reddit_range_ends_where_the_results_end(live: Tools, reddit: ScriptedReddit) -> None:
    paged(reddit, [link(f"a{at}", NOW - at * 3600) for at in range(30)])
    answer = await live("search_reddit", query="x", since="2020-01-01", limit=100)
    assert (len(answer["results"]), answer["after"], answer["metadata"].get("degraded")) == (30, None, None)


async def test_a_page_of_a_range_that_fails_leaves_those_before_it(live: Tools, reddit: ScriptedReddit) -> None:
    paged(reddit, [link(f"a{at}", NOW - at * 3600) for at in range(250)])
    whole = reddit.answer
    reddit.answer = lambda asked: Reply(503) if asked.query.get("after") == "t3_a99" else whole(asked)
    answer = await live("search_reddit", query="x", since="2020-01-01", limit=100, until=str(NOW - 50 * 3600))
    assert [post["id"] for post in answer["results"]] == [f"a{at}" for at in range(51, 100)]
    assert (answer["complete"], answer["after"]) == (False, "t3_a99")
    assert "A part is missing: Reddit" in answer["metadata"]["degraded"]
    assert answer["metadata"]["reddit_api_calls"] == len(reddit.requests)
    reddit.answer = whole
    asked = {"query": "x", "since": "2020-01-01", "limit": 100}
    following = await live("search_reddit", **asked, after=answer["after"])
    assert (following["results"][0]["id"], "complete" in following) == ("a100", False)


async def test_a_range_whose_first_page_fails_is_an_error(live: Tools, reddit: ScriptedReddit) -> None:
    reddit.answer = lambda _: Reply(503)
    error = (await live("search_reddit", query="x", since="2020-01-01"))["error"]
    assert error["type"] == "upstream_error"


async def test_reddit_communities(live: Tools, reddit: ScriptedReddit) -> None:
    data = {
        "id": "2aaa", "display_name": "kettles", "title": "Tea", "public_description": "Boil &amp; pour. " * 40,
        "subscribers": 900, "over18": True, "created_utc": 1_300_000_000.0, "accounts_active": 4,
    }  # fmt: skip
    reddit.answer = lambda _: listed({"kind": "t5", "data": data}, {"kind": "t5", "data": {"id": "x"}}, after="t5_2aaa")
    answer = await live("search_reddit", query="tea time", kind="communities", limit=2, subreddit="pots")
    (found,) = answer["results"]
    assert found.keys() == {"name", "title", "description", "subscribers", "over18", "created_utc", "truncated"}
    assert (found["name"], found["subscribers"], found["over18"], found["created_utc"]) == (
        "kettles", 900, True, 1_300_000_000,
    )  # fmt: skip
    assert answer["after"] == "t5_2aaa"
    assert 200 < len(found["description"]) <= 300
    assert (reddit.requests[0].path, reddit.requests[0].query["q"]) == ("/subreddits/search", "tea time")
    assert "do not count" in answer["metadata"]["notice"]


async def test_arctic_shift_comments_and_ranges(arctic: Bench) -> None:
    tools = over_arctic_shift(arctic)
    found = await everything(tools, query="body", kind="comments", subreddit="kettles", time_filter="all", limit=2)
    assert sorted(each["id"] for each in found) == ["c1", "c2", "c3", "c4", "c5"]
    assert found[0].keys() >= COMMENT_RESULT
    assert found[0]["post"] == {"id": "p10", "title": "red pot 10", "subreddit": "kettles"}
    recent = await tools(
        "search_reddit", query="body", kind="comments", subreddit="kettles", sort="new",
        since=str(ARCTIC_NOW - 8 * DAY), until=str(ARCTIC_NOW - 7 * DAY),
    )  # fmt: skip
    assert [each["id"] for each in recent["results"]] == ["c4"]
    assert "degraded" not in recent["metadata"]
    since, until = str(ARCTIC_NOW - 5 * DAY), str(ARCTIC_NOW - 2 * DAY)
    posts = await tools("search_reddit", query="kettle", subreddit="kettles,pots", since=since, until=until, sort="new")
    assert posts["results"]
    assert all(int(since) <= each["created_utc"] < int(until) for each in posts["results"])


async def test_arctic_shift_comments_need_a_scope_and_what_it_names_works(arctic: Bench) -> None:
    tools = over_arctic_shift(arctic)
    sentence = await tools.refused("search_reddit", query="body", kind="comments")
    assert all(name in sentence for name in ("a+b", "author:name"))
    for instead in ({"query": "body", "subreddit": "kettles+pots"}, {"query": "author:anna body"}):
        assert (await tools("search_reddit", **instead, kind="comments", time_filter="all"))["results"]


async def test_arctic_shift_communities_by_prefix(arctic: Bench) -> None:
    tools = over_arctic_shift(arctic)
    answer = await tools("search_reddit", query="r/Kett", kind="communities")
    assert [each["name"] for each in answer["results"]] == ["kettles", "kettlebells", "ketteringadult"]
    assert answer["results"][2]["over18"] is True
    assert "begin with kett" in answer["metadata"]["degraded"]
    assert answer["after"] is None
    arctic.fake.communities.append(arctic_community("home_automation", 7))
    assert (await tools("search_reddit", query="home_ auto", kind="communities"))["results"]
    assert "give a longer beginning" in (
        await tools("search_reddit", query="kett", kind="communities", limit=2)
    )["metadata"]["degraded"]  # fmt: skip
    assert "such as python" in await tools.refused("search_reddit", query="茶", kind="communities")


@pytest.mark.parametrize(
    ("bounds", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "2023-02-30"}, "until"),
        ({"since": "2023-02-01", "until": "2023-02-01"}, "since"),
        ({"since": "2023-02-02", "until": "1675209600"}, "since"),
        ({"since": "1" * 41}, "since"),
        ({"since": "99999999999999999999"}, "since"),
        ({"until": "2023-01-01T00:00+99:00"}, "until"),
    ],
)
async def test_a_range_that_is_none_is_refused(archived: Tools, bounds: dict[str, str], field: str) -> None:
    for kind in ("posts", "comments", "communities"):
        error = (await archived("search_reddit", query="x", kind=kind, **bounds))["error"]
        assert (error["type"], error["data"]["issues"][0]["field"]) == ("invalid_input", field)


@pytest.mark.parametrize(
    "since", ["20231104", "2023-11-04T00:00:00", "2023-11-04T02:00:00+02:00", " 2023-11-04 ", "1699056000.5"]
)
async def test_forms_of_a_date(archived: Tools, since: str) -> None:
    found = await archived("search_reddit", query="kettle", since=since, until="", limit=100, kind="POSTS")
    assert len(found["results"]) == 11


async def test_a_month_is_its_first_day(archived: Tools) -> None:
    found = await archived("search_reddit", query="kettle", since="2023-11", limit=100)
    assert len(found["results"]) == 14
