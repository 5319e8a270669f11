"""A listing that is cut says `complete: false` on its last page, and nobody says so who does not know."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import archive_records
from tests.support.archive_records import NOW
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit, reddit
from tests.support.three_sources import Tools, link, listed, live, over_archive, paged

__all__ = ["live", "reddit"]

Json = Any

LISTINGS: list[tuple[str, str, Json]] = [
    ("get_subreddit_posts", "posts", {"subreddit": "kettles", "sort": "new"}),
    ("get_subreddit_posts", "posts", {"subreddit": "Kettles", "sort": "top", "time_filter": "all"}),
    ("search_reddit", "results", {"query": "kettle", "time_filter": "all", "sort": "new"}),
    ("get_user_info", "posts", {"username": "anna", "include": "posts"}),
]


def posts(count: int) -> Iterator[archive_records.Thing]:
    yield "t2", {"id": "1", "name": "anna"}
    for at in range(count):
        yield archive_records.post(f"a{at:04d}", f"Kettle {at}", subreddit="kettles", created_utc=NOW - at, score=at)


async def walk(tools: Tools, tool: str, part: str, arguments: Json, after: str = "") -> tuple[int, list[Json]]:
    """How many things all pages hold, and what each page says of `complete`."""
    found, said = 0, []
    while True:
        answer = await tools(tool, **arguments, limit=100, after=after)
        found += len(answer[part])
        said.append(answer.get("complete"))
        after = answer["after"]
        if after is None:
            return found, said


@pytest.mark.parametrize(("tool", "part", "arguments"), LISTINGS)
async def test_an_archive_s_listing_of_more_than_a_thousand(
    tmp_path: Path, tool: str, part: str, arguments: Json
) -> None:
    async with over_archive(archive_records.archive(tmp_path / "db", *posts(1050))) as tools:
        assert await walk(tools, tool, part, arguments) == (1000, [None] * 9 + [False])
        assert await walk(tools, tool, part, arguments) == (1000, [None] * 9 + [False])


@pytest.mark.parametrize(("tool", "part", "arguments"), LISTINGS)
async def test_an_archive_s_listing_that_is_whole(tmp_path: Path, tool: str, part: str, arguments: Json) -> None:
    async with over_archive(archive_records.archive(tmp_path / "db", *posts(990))) as tools:
        assert await walk(tools, tool, part, arguments) == (990, [None] * 10)


async def test_who_did_not_see_the_beginning_says_nothing(tmp_path: Path) -> None:
    async with over_archive(archive_records.archive(tmp_path / "db", *posts(1050))) as tools:
        asked = {"subreddit": "kettles", "sort": "new"}
        assert await walk(tools, "get_subreddit_posts", "posts", asked, "t3_a0899") == (100, [None])


@pytest.mark.parametrize(("count", "last"), [(981, False), (940, None)])
async def test_reddit_s_listings_are_cut_near_a_thousand(
    live: Tools, reddit: ScriptedReddit, count: int, last: bool | None
) -> None:
    paged(reddit, [link(f"a{at}", NOW - at) for at in range(count)])
    found, said = await walk(live, *LISTINGS[0])
    assert (found, said) == (count, [None] * (len(said) - 1) + [last])


async def test_an_order_is_not_counted_with_another(live: Tools, reddit: ScriptedReddit) -> None:
    paged(reddit, [link(f"a{at}", NOW - at) for at in range(981)])
    await walk(live, *LISTINGS[0])
    assert (await live("get_subreddit_posts", subreddit="kettles", sort="hot", after="t3_a899"))["after"]
    _, said = await walk(live, "get_subreddit_posts", "posts", {"subreddit": "kettles", "sort": "hot"}, "t3_a899")
    assert said == [None]


async def test_activity_without_the_page_that_failed(live: Tools, reddit: ScriptedReddit) -> None:
    def answer(request: Request) -> Reply:
        if request.path.endswith("about"):
            return Reply(body={"kind": "t2", "data": {"name": "anna"}})
        if "after" in request.query:
            return Reply(503)
        return listed(*(link(f"a{at}", NOW - at) for at in range(100)), after="t3_a99")

    reddit.answer = answer
    found = await live("get_user_info", username="anna", include="activity")
    assert (found["activity"]["posts"], found["activity"]["complete"]) == (100, False)
    assert "A part is missing" in found["metadata"]["degraded"]
