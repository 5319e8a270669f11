"""get_user_info include=activity and get_subreddit_info include, over each source."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import archive_records
from tests.support.arctic_shift import Bench, arctic
from tests.support.recorded_reddit import exchanges
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit, reddit
from tests.support.three_sources import Tools, link, listed, live, over_archive, over_arctic_shift

__all__ = ["arctic", "live", "reddit"]

Json = Any
NOW = archive_records.NOW
ABOUT = {"kind": "t5", "data": {"display_name": "kettles", "public_description": "Boiling."}}
PARTS = {
    "/r/kettles/about": ABOUT,
    "/r/kettles/about/rules": {"rules": [{"short_name": "Be warm", "description": "", "kind": "all"}]},
    "/r/kettles/about/moderators": {
        "kind": "UserList",
        "data": {
            "children": [{"name": "anna", "date": 1_300_000_000.0, "mod_permissions": ["all"]}, {"name": None}, 7]
        },
    },
    "/r/kettles/wiki/pages": {"kind": "wikipagelisting", "data": ["index", "config/sidebar", None]},
    "/r/kettles/api/link_flair_v2": [{"text": "News", "mod_only": True}, {"text": "Tea"}, {"text": ""}, "x"],
}


@pytest.fixture
async def archived(tmp_path: Path) -> AsyncIterator[Tools]:
    things = [
        ("t5", {"id": "2aaa", "display_name": "kettles", "rules": [{"short_name": "Be warm", "kind": "all"}]}),
        *(archive_records.post(f"p{at}", subreddit="pots", created_utc=NOW - at * 3600, score=at) for at in range(5)),
        archive_records.comment("c1", "p1", author="anna", created_utc=NOW - 9 * 3600, score=40),
    ]
    async with over_archive(archive_records.archive(tmp_path / "db", *things)) as tools:
        yield tools


def answering(reddit: ScriptedReddit, table: dict[str, Json]) -> None:
    """Reddit with these answers by path; 403 for the rest."""

    def answer(request: Request) -> Reply:
        missing = Reply(403, {"message": "Forbidden", "error": 403})
        return Reply(body=table[request.path]) if request.path in table else missing

    reddit.answer = answer


def answering_one(reddit: ScriptedReddit, reply: Reply) -> None:
    """Reddit that describes the community, and gives this for everything else."""
    reddit.answer = lambda request: Reply(body=ABOUT) if request.path.endswith("about") else reply


def recorded_names(part: str, answer: Json) -> list[str]:
    """What an answer lists, those without a name left out."""
    if part == "moderators":
        return [each["name"] for each in answer["data"]["children"]]
    return answer["data"] if part == "wiki_index" else [each["text"] for each in answer if each["text"]]


def paths(reddit: ScriptedReddit) -> list[str]:
    return [request.path.removeprefix("/r/kettles/") for request in reddit.requests]


async def test_reddit_activity_takes_two_pages_at_most(live: Tools, reddit: ScriptedReddit) -> None:
    things = [link(f"a{at}", NOW - at, score=at, subreddit="pots" if at % 3 else "kettles") for at in range(250)]

    def answer(request: Request) -> Reply:
        if request.path.endswith("about"):
            return Reply(body={"kind": "t2", "data": {"name": "anna", "link_karma": 5}})
        start = 100 if "after" in request.query else 0
        return listed(*things[start : start + 100], after=f"t3_a{start + 99}")

    reddit.answer = answer
    found = await live("get_user_info", username="anna", include="activity")
    assert [request.path for request in reddit.requests] == ["/user/anna/about", *["/user/anna/overview"] * 2]
    activity = found["activity"]
    assert (activity["posts"], activity["comments"], activity["complete"]) == (200, 0, False)
    assert activity["communities"] == [
        {"name": "pots", "posts": 133, "comments": 0},
        {"name": "kettles", "posts": 67, "comments": 0},
    ]
    assert (activity["first_seen_utc"], activity["last_seen_utc"]) == (NOW - 199, NOW)
    assert activity["median_score"] == 99.5
    assert (found["posts"], found["comments"], found["after"]) == ([], [], None)


async def test_reddit_activity_of_who_hides_it(live: Tools, reddit: ScriptedReddit) -> None:
    answering(reddit, {"/user/anna/about": {"kind": "t2", "data": {"name": "anna", "link_karma": 5}}})
    found = await live("get_user_info", username="anna", include="Activity", after="t3_x")
    assert found["activity"]["posts"] == 0
    assert "hidden by its owner" in found["metadata"]["notice"]
    assert "`after` counts with" in found["metadata"]["notice"]
    assert "activity" not in await live("get_user_info", username="anna")


async def test_archive_activity(archived: Tools) -> None:
    activity = (await archived("get_user_info", username="anna", include="activity"))["activity"]
    assert (activity["posts"], activity["comments"], activity["complete"]) == (5, 1, True)
    assert activity["communities"][0] == {"name": "pots", "posts": 5, "comments": 0}
    assert (activity["first_seen_utc"], activity["last_seen_utc"]) == (NOW - 9 * 3600, NOW)
    assert activity["median_score"] == 2.5


async def test_arctic_shift_activity(arctic: Bench) -> None:
    activity = (await over_arctic_shift(arctic)("get_user_info", username="anna", include="activity"))["activity"]
    assert (activity["posts"], activity["comments"], activity["complete"]) == (40, 1, True)
    assert activity["communities"] == [
        {"name": "kettles", "posts": 20, "comments": 1},
        {"name": "pots", "posts": 20, "comments": 0},
    ]


@pytest.mark.parametrize(
    "include", [["Rules", "moderators", "WIKI_INDEX", "flairs"], "rules, moderators,wiki_index,flairs"]
)
async def test_reddit_parts_of_a_community(live: Tools, reddit: ScriptedReddit, include: Json) -> None:
    answering(reddit, PARTS)
    found = await live("get_subreddit_info", subreddit="kettles", include=include, include_rules=True)
    assert paths(reddit) == ["about", "about/rules", "about/moderators", "wiki/pages", "api/link_flair_v2"]
    assert [rule["short_name"] for rule in found["rules"]] == ["Be warm"]
    assert found["moderators"] == [{"username": "anna", "since_utc": 1_300_000_000, "permissions": ["all"]}]
    assert found["wiki_index"][0] == {"page": "index", "url": "https://www.reddit.com/r/kettles/wiki/index"}
    assert [page["page"] for page in found["wiki_index"]] == ["index", "config/sidebar"]
    assert found["flairs"] == [{"text": "News", "mod_only": True}, {"text": "Tea", "mod_only": False}]
    assert "degraded" not in found["metadata"]


@pytest.mark.parametrize("include", ["", [], "moderators", ["Moderators"]])
async def test_only_what_is_asked_for_is_fetched(live: Tools, reddit: ScriptedReddit, include: Json) -> None:
    answering(reddit, PARTS)
    found = await live("get_subreddit_info", subreddit="kettles", include=include)
    assert paths(reddit) == ["about", *(["about/moderators"] if include else [])]
    assert ("moderators" in found, "flairs" in found, found["rules"]) == (bool(include), False, [])


async def test_what_reddit_does_not_show_is_said(live: Tools, reddit: ScriptedReddit) -> None:
    answering(reddit, {path: body for path, body in PARTS.items() if "flair" not in path})
    found = await live("get_subreddit_info", subreddit="kettles", include=["flairs", "rules"])
    assert (len(found["rules"]), "flairs" in found) == (1, False)
    assert "post flairs of community r/kettles" in found["metadata"]["degraded"]


async def test_a_part_that_reddit_cannot_give_now_fails_the_call(live: Tools, reddit: ScriptedReddit) -> None:
    reddit.answer = lambda request: Reply(body=ABOUT) if request.path.endswith("about") else Reply(503)
    error = (await live("get_subreddit_info", subreddit="kettles", include="moderators"))["error"]
    assert error["type"] == "upstream_error"


async def test_an_unknown_part_is_refused(live: Tools, reddit: ScriptedReddit) -> None:
    error = (await live("get_subreddit_info", subreddit="kettles", include=["rules", "members"]))["error"]
    assert (error["type"], reddit.requests) == ("invalid_input", [])


async def test_archive_has_rules_and_says_what_it_lacks(archived: Tools) -> None:
    for part in ("moderators", "wiki_index", "flairs"):
        found = await archived("get_subreddit_info", subreddit="kettles", include=[part])
        assert part not in found
        assert "ask for rules" in found["metadata"]["degraded"]
    both = await archived("get_subreddit_info", subreddit="kettles", include="flairs,moderators")
    assert all(f"{part} of community r/kettles" in both["metadata"]["degraded"] for part in ("flairs", "moderators"))
    rules = await archived("get_subreddit_info", subreddit="kettles", include="rules")
    assert [rule["short_name"] for rule in rules["rules"]] == ["Be warm"]
    assert "degraded" not in rules["metadata"]


async def test_arctic_shift_has_rules_and_wiki_and_says_what_it_lacks(arctic: Bench) -> None:
    arctic.fake.rules["kettles"] = [{"short_name": "Be warm", "priority": 0}]
    arctic.fake.wikis["kettles"] = ["/r/kettles/wiki/index", {"path": "/r/Kettles/wiki/faq/tea"}, {}, None]
    tools = over_arctic_shift(arctic)
    found = await tools("get_subreddit_info", subreddit="kettles", include=["rules", "wiki_index"])
    assert [page["page"] for page in found["wiki_index"]] == ["faq/tea", "index"]
    assert len(found["rules"]) == 1
    assert "degraded" not in found["metadata"]
    for part in ("moderators", "flairs"):
        lacking = await tools("get_subreddit_info", subreddit="kettles", include=part)
        assert part not in lacking
        assert "ask for rules or wiki_index" in lacking["metadata"]["degraded"]
    assert (await tools("get_subreddit_info", subreddit="pots", include="wiki_index"))["wiki_index"] == []


async def test_recorded_parts(live: Tools, reddit: ScriptedReddit, corpus: Path) -> None:
    seen = 0
    for exchange in exchanges(corpus, "sub_moderators", "sub_linkflair", "sub_wiki"):
        part = {"moderators": "moderators", "link_flair_v2": "flairs", "pages": "wiki_index"}.get(
            exchange.path.rpartition("/")[2]
        )
        if exchange.status != 200 or part is None:
            continue
        answering_one(reddit, exchange.reply)
        found = (await live("get_subreddit_info", subreddit="kettles", include=part))[part]
        assert len(found) == len(recorded_names(part, exchange.json))
        seen += 1
    assert seen > 10
