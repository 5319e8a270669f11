"""The tool's cursor is followed, the limit is that of all pages, and a spent budget is waited for."""

from typing import Any

import pytest

from reddit_mcp.errors import InvalidInput, RateLimited, Unavailable
from reddit_mcp.export.answer_pages import pages

Json = dict[str, Any]


class Listing:
    """A tool over so many posts, which gives a page of at most 100."""

    def __init__(self, posts: int) -> None:
        self._posts = posts
        self.asked: list[Json] = []
        self.refusals: list[Json] = []
        self.slept: list[float] = []

    async def ask(self, _tool: str, arguments: Json) -> Json:
        self.asked.append(dict(arguments))
        if self.refusals:
            return {"error": self.refusals.pop(0)}
        start = int(arguments.get("after") or 0)
        end = min(start + arguments["limit"], self._posts)
        return {
            "posts": [{"id": str(at)} for at in range(start, end)],
            "after": str(end) if end < self._posts else None,
        }

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def read(self, **arguments: Any) -> list[str]:
        found = pages(self.ask, "get_subreddit_posts", {"subreddit": "lua", **arguments}, self.sleep)
        return [post["id"] for page in [page async for page in found] for post in page["posts"]]


def refusal(kind: str, **data: Any) -> Json:
    return {"type": kind, "message": "No.", "data": data}


async def test_without_a_limit_all_pages_are_read() -> None:
    listing = Listing(250)
    assert await listing.read() == [str(at) for at in range(250)]
    assert [each["limit"] for each in listing.asked] == [100, 100, 100]
    assert [each.get("after") for each in listing.asked] == [None, "100", "200"]


@pytest.mark.parametrize(("limit", "sizes"), [(120, [100, 20]), ("120", [100, 20]), (100, [100]), (3, [3])])
async def test_a_limit_is_that_of_all_pages(limit: int | str, sizes: list[int]) -> None:
    listing = Listing(250)
    assert len(await listing.read(limit=limit)) == int(limit)
    assert [each["limit"] for each in listing.asked] == sizes


async def test_reading_begins_where_it_is_told() -> None:
    assert await Listing(250).read(after="240") == [str(at) for at in range(240, 250)]


@pytest.mark.parametrize("limit", [0, -1, "many", "", 2.5])
async def test_a_limit_that_is_none_is_refused_before_anything_is_asked(limit: object) -> None:
    listing = Listing(1)
    with pytest.raises(InvalidInput, match="limit must be a whole number"):
        await listing.read(limit=limit)
    assert listing.asked == []


async def test_a_cursor_that_comes_again_ends_it() -> None:
    async def ask(_tool: str, _arguments: Json) -> Json:
        return {"posts": [{"id": "1"}], "after": "t3_1"}

    assert len([page async for page in pages(ask, "get_subreddit_posts", {})]) == 2


async def test_a_tool_without_pages_is_asked_once_with_what_was_given() -> None:
    asked: list[Json] = []

    async def ask(_tool: str, arguments: Json) -> Json:
        asked.append(arguments)
        return {"comments": [], "after": "no cursor of this tool's"}

    await anext(pages(ask, "get_post_comments", {"post_id": "1", "limit": 500}))
    assert asked == [{"post_id": "1", "limit": 500}]


async def test_a_spent_budget_is_waited_for() -> None:
    listing = Listing(150)
    listing.refusals = [refusal("rate_limited", retry_after_seconds=30), refusal("rate_limited", retry_after_seconds=7)]
    assert len(await listing.read()) == 150
    assert listing.slept == [30, 7]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("rate_limited", retry_after_seconds=3600), RateLimited),
        (refusal("rate_limited"), RateLimited),
        (refusal("invalid_input"), InvalidInput),
        (refusal("upstream_error", retry_after_seconds=1), Unavailable),
    ],
)
async def test_other_failures_end_it_with_their_sentence(error: Json, kind: type[Exception]) -> None:
    listing = Listing(150)
    listing.refusals = [error]
    with pytest.raises(kind, match=r"^No\.$"):
        await listing.read()
    assert listing.slept == []


async def test_a_budget_that_stays_spent_ends_it() -> None:
    listing = Listing(150)
    listing.refusals = [refusal("rate_limited", retry_after_seconds=1)] * 5
    with pytest.raises(RateLimited):
        await listing.read()
    assert len(listing.asked) == 5
