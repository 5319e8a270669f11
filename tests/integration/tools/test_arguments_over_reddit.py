"""What people and hosts send as arguments, over a scripted Reddit: each is understood, or refused with what to do."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.recorded_tools import Recorded
from tests.support.reddit_shapes import listing, t1, t2, t3, thread
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.scripted_reddit import reddit as reddit  # noqa: PLC0414 - fixtures

SHARE = "https://www.reddit.com/r/kettles/s/AbCdEfGh12"


@pytest.fixture
async def tools(reddit: ScriptedReddit) -> AsyncIterator[Recorded]:
    reddit.answer = answer
    opened = Recorded(reddit)
    yield opened
    await opened.praw.aclose()


def answer(request: Request) -> Reply:
    """A Reddit with a share link, a thread, a listing and a hidden profile."""
    if request.path == "/r/kettles/s/AbCdEfGh12":
        place = "https://www.reddit.com/r/kettles/comments/1abc2d/a_title/k2/?share_id=x&context=3"
        return Reply(301, b"", {"location": place})
    if "/comments/" in request.path and not request.path.startswith("/user"):
        return Reply(body=thread(t1("k1", replies=listing(t1("k2", "t1_k1")))))
    if request.path.endswith("/about"):
        return Reply(body=t2(link_karma=900, comment_karma=20_000))
    if request.path.startswith("/user/secret"):
        return Reply(403, {"message": "Forbidden", "error": 403})
    if request.path.startswith("/user/"):
        return Reply(body=listing())
    return Reply(body=listing(t3()))


async def test_a_share_link_is_followed_to_its_post_and_comment(tools: Recorded) -> None:
    found = await tools.call("get_post_comments", post_id=SHARE)
    assert found["post"]["id"] == "1abc2d"
    shared, asked = tools.reddit.requests
    assert shared.path == "/r/kettles/s/AbCdEfGh12"
    assert asked.path == "/comments/1abc2d/_/k2"
    assert asked.query["context"] == "3"
    assert found["metadata"]["reddit_api_calls"] == 2


async def test_a_share_link_that_leads_nowhere_says_what_to_do(tools: Recorded) -> None:
    tools.reddit.answer = lambda _: Reply(404, {"message": "Not Found", "error": 404})
    for tool, field, arguments in (
        ("get_post_comments", "post_id", {}),
        ("analyze_sentiment", "content_id", {"content_type": "thread"}),
    ):
        error = (await tools.call(tool, **{field: SHARE}, **arguments))["error"]
        assert error["type"] == "invalid_input"
        assert error["data"]["issues"][0]["field"] == field
        assert "open it in a browser" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "context"),
    [
        ({"post_id": "1abc2d", "comment_id": "k2", "context": 2}, "2"),
        ({"post_id": "https://www.reddit.com/r/kettles/comments/1abc2d/x/k2/?context=3"}, "3"),
        ({"post_id": "https://www.reddit.com/r/kettles/comments/1abc2d/x/k2/?context=3", "context": 1}, "1"),
        ({"post_id": "https://www.reddit.com/r/kettles/comments/1abc2d/x/k2/?context=3", "comment_id": "k9"}, None),
        ({"post_id": "1abc2d", "comment_id": "k2"}, None),
        ({"post_id": "1abc2d", "context": 2}, None),
    ],
)
async def test_context(tools: Recorded, arguments: dict[str, Any], context: str | None) -> None:
    found = await tools.call("get_post_comments", **arguments)
    assert tools.reddit.requests[0].query.get("context") == context
    assert ("notice" in found["metadata"]) == ("comment_id" not in arguments and context is None)


async def test_a_community_given_is_the_scope_of_trends(tools: Recorded) -> None:
    for arguments in ({"subreddit": "kettles"}, {"subreddit": "kettles", "scope": "all"}, {"subreddit": "r/kettles"}):
        await tools.call("get_trending_topics", **arguments)
        assert {request.path for request in tools.reddit.requests} == {"/r/kettles/new"}
    await tools.call("get_trending_topics", subreddit="")
    assert {request.path for request in tools.reddit.requests} == {"/r/all/new"}


@pytest.mark.parametrize(
    ("tool", "arguments", "path", "query"),
    [
        ("get_subreddit_posts", {"subreddit": "kettles", "time_filter": ""}, "/r/kettles/hot", {}),
        ("get_subreddit_posts", {"subreddit": "kettles", "sort": "Top"}, "/r/kettles/top", {"t": "day"}),
        ("get_subreddit_posts", {"subreddit": ["kettles", "r/teapots"]}, "/r/kettles+teapots/hot", {}),
        (
            "get_subreddit_posts",
            {"subreddit": "kettles, teapots", "limit": "5"},
            "/r/kettles+teapots/hot",
            {"limit": "5"},
        ),
        ("search_reddit", {"query": "tea", "subreddit": ""}, "/r/all/search", {"q": "tea"}),
        (
            "search_reddit",
            {"query": "tea", "sort": "NEW", "limit": ""},
            "/r/all/search",
            {"sort": "new", "limit": "25"},
        ),
    ],
)
async def test_what_hosts_make_of_arguments(
    tools: Recorded, tool: str, arguments: dict[str, Any], path: str, query: dict[str, str]
) -> None:
    found = await tools.call(tool, **arguments)
    assert "error" not in found
    (request,) = tools.reddit.requests
    assert request.path == path
    assert request.query.items() >= query.items()


@pytest.mark.parametrize("name", ["tea_lover", "secret"])
async def test_a_history_that_may_not_be_read_leaves_the_profile(tools: Recorded, name: str) -> None:
    found = await tools.call("get_user_info", username=name, include="all")
    assert found["user"]["comment_karma"] == 20_000
    assert (found["posts"], found["comments"]) == ([], [])
    assert "hidden by its owner" in found["metadata"]["notice"]
    assert found["metadata"]["reddit_api_calls"] == 2


@pytest.mark.parametrize(
    ("tool", "arguments", "word"),
    [
        ("get_subreddit_posts", {"subreddit": "kettles", "time_filter": "year"}, "time_filter"),
        ("get_user_info", {"username": "tea_lover", "after": "t3_x"}, "after"),
        ("analyze_sentiment", {"content_type": "post", "content_id": "1abc2d", "time_filter": "day"}, "time_filter"),
        ("watch_keywords", {"action": "list", "keywords": ["tea"], "after": "x"}, "after, keywords do not count"),
    ],
)
async def test_an_argument_that_does_not_count_is_not_passed_over_in_silence(
    tools: Recorded, tool: str, arguments: dict[str, Any], word: str
) -> None:
    found = await tools.call(tool, **arguments)
    assert word in found["metadata"]["notice"]
