"""What one tool has brought serves the others: the whole path, with every request counted by a scripted Reddit."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.container import Container
from tests.support.reddit_shapes import listing, t1, t2, t3, thread
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.scripted_reddit import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.support.tools_in_process import call
from tests.support.whole_path import redis as redis  # noqa: PLC0414
from tests.support.whole_path import serving

POSTS = listing(*(t3(f"p{number}", created_utc=1_700_000_000 - number) for number in range(20)))


def answer(request: Request) -> Reply:
    """A listing, but for addresses of something else."""
    if request.path.startswith("/comments/"):
        return Reply(body=thread(t1("k1"), id="p3", name="t3_p3"))
    if request.path.endswith("/about"):
        return Reply(body=t2())
    if request.path == "/api/info":
        return Reply(body=listing(t3(request.query["id"].removeprefix("t3_"))))
    return Reply(body=POSTS)


@pytest.fixture
async def server(reddit: ScriptedReddit, redis: str, tmp_path: Path) -> AsyncIterator[Container]:
    reddit.answer = answer
    async with serving(reddit, redis, tmp_path) as server:
        yield server


ONE_POST = ("analyze_sentiment", {"content_type": "post", "content_id": "p3"})


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (("get_subreddit_posts", {"subreddit": "kettles"}), ONE_POST),
        (("search_reddit", {"query": "kettle"}), ONE_POST),
        (("get_user_info", {"username": "tea_lover", "include": "posts"}), ONE_POST),
        (("get_post_comments", {"post_id": "p3"}), ONE_POST),
        (("get_trending_topics", {"scope": "subreddit", "subreddit": "kettles"}), ONE_POST),
        (
            ("get_post_comments", {"post_id": "p3"}),
            ("analyze_sentiment", {"content_type": "thread", "content_id": "p3"}),
        ),
        (
            ("search_reddit", {"query": "kettle", "limit": 100}),
            ("analyze_sentiment", {"content_type": "search_results", "content_id": "kettle"}),
        ),
        (
            ("get_subreddit_posts", {"subreddit": "kettles", "sort": "top", "time_filter": "week", "limit": 100}),
            ("analyze_sentiment", {"content_type": "subreddit", "content_id": "r/Kettles"}),
        ),
        (
            ("get_user_info", {"username": "tea_lover", "include": "all", "limit": 100}),
            ("analyze_sentiment", {"content_type": "user", "content_id": "u/tea_lover", "time_filter": "all"}),
        ),
        (
            ("get_subreddit_posts", {"subreddit": "kettles", "sort": "new", "limit": 100}),
            ("get_trending_topics", {"scope": "subreddit", "subreddit": "kettles"}),
        ),
    ],
    ids=lambda each: "-".join([each[0], *map(str, list(each[1].values())[:2])]),
)
async def test_it_needs_no_further_request(
    server: Container, reddit: ScriptedReddit, first: tuple[str, dict[str, Any]], then: tuple[str, dict[str, Any]]
) -> None:
    assert (await call(server.mcp, first[0], **first[1]))["metadata"]["reddit_api_calls"] >= 1
    asked = len(reddit.requests)
    content = await call(server.mcp, then[0], **then[1])
    assert len(reddit.requests) == asked
    metadata = content["metadata"]
    assert (metadata["reddit_api_calls"], metadata["cached"], metadata["stale"]) == (0, True, False)


async def test_a_thread_serves_the_resource_of_its_post(server: Container, reddit: ScriptedReddit) -> None:
    await call(server.mcp, "get_post_comments", post_id="p7")
    await server.mcp.read_resource("reddit://post/p7")
    assert len(reddit.requests) == 1
    await server.mcp.read_resource("reddit://post/other")
    assert len(reddit.requests) == 2


async def test_finished_results_tell_the_truth(server: Container, reddit: ScriptedReddit) -> None:
    for tool, arguments, ttl in (
        ("get_trending_topics", {"scope": "subreddit", "subreddit": "kettles"}, 900),
        ("analyze_sentiment", {"content_type": "subreddit", "content_id": "kettles"}, 3600),
    ):
        first = await call(server.mcp, tool, **arguments)
        second = await call(server.mcp, tool, **arguments)
        told = [{name: each["metadata"][name] for name in ("cached", "stale", "reddit_api_calls", "ttl")}
                for each in (first, second)]  # fmt: skip
        assert told[0] == {"cached": False, "stale": False, "reddit_api_calls": 1, "ttl": ttl}
        assert told[1] == {"cached": True, "stale": False, "reddit_api_calls": 0, "ttl": ttl}
        assert {**first, "metadata": 0} == {**second, "metadata": 0}
    assert len(reddit.requests) == 2
