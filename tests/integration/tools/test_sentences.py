"""Every refusal is one plain sentence that says what to do, and never blames Reddit for an archive's gaps."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.support.recorded_tools import Recorded
from tests.support.reddit_shapes import listing
from tests.support.scripted_reddit import Reply, ScriptedReddit
from tests.support.scripted_reddit import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.support.tool_calls import Json, asking

ABSENT: list[tuple[str, Json]] = [
    ("get_subreddit_posts", {"subreddit": "no_such_place"}),
    ("get_subreddit_info", {"subreddit": "no_such_place", "include_rules": True}),
    ("get_user_info", {"username": "nobody_here", "include": "all"}),
    ("get_post_comments", {"post_id": "zzzzzzz"}),
    ("analyze_sentiment", {"content_type": "comment", "content_id": "zzzzzzz"}),
    ("analyze_sentiment", {"content_type": "thread", "content_id": "zzzzzzz"}),
]
WRONG: list[tuple[str, Json]] = [
    ("search_reddit", {"query": "x", "subredit": "y"}),
    ("search_reddit", {"query": ""}),
    ("search_reddit", {"query": "x", "limit": 1000}),
    ("get_post_comments", {"post_id": "https://www.reddit.com/hot/"}),
    ("get_post_comments", {"post_id": "https://v.redd.it/abc123"}),
    ("get_post_comments", {"post_id": "https://www.reddit.com/r/a1/s/AbCdEfGh12"}),
    ("get_trending_topics", {"scope": "subreddit"}),
    ("watch_keywords", {"action": "create"}),
    ("watch_keywords", {"action": "pause"}),
    ("analyze_sentiment", {"content_type": "subreddit", "content_id": "a b"}),
]


def assert_sentence(error: Json) -> None:
    message = error["message"]
    assert re.fullmatch(r"[A-Za-z`].*[^.?!:;,\s][.?]", message), message
    assert not re.search(r"\?\.|\.\.|  |;\.|None|: \.", message), message
    assert len(message) < 400, message


async def test_over_the_archive(base_url: str) -> None:
    async with asking(base_url) as ask:
        for tool, arguments in ABSENT:
            error = (await ask(tool, **arguments))["error"]
            assert_sentence(error)
            assert error["type"] == "not_found"
            assert "on Reddit" not in error["message"]
            assert "spelling" not in error["message"]
            assert "archive" in error["message"]
            assert "search_reddit" in error["message"]
        for tool, arguments in WRONG:
            error = (await ask(tool, **arguments))["error"]
            assert_sentence(error)
            assert error["type"] == "invalid_input"


@pytest.fixture
async def tools(reddit: ScriptedReddit) -> AsyncIterator[Recorded]:
    opened = Recorded(reddit)
    yield opened
    await opened.praw.aclose()


@pytest.mark.parametrize("status", [301, 302, 400, 403, 404, 405, 414, 429, 451, 500, 503])
@pytest.mark.parametrize(("tool", "arguments"), ABSENT)
async def test_over_reddit(tools: Recorded, tool: str, arguments: Json, status: int) -> None:
    body = {"message": "Bad", "error": status}
    tools.reddit.answer = lambda _: Reply(status, body, {"location": "https://elsewhere.example/x"})
    assert_sentence((await tools.call(tool, **arguments))["error"])


async def test_a_comment_that_is_not_there(tools: Recorded) -> None:
    tools.reddit.answer = lambda _: Reply(body=listing())
    error = (await tools.call("analyze_sentiment", content_type="comment", content_id="zz"))["error"]
    assert error["message"] == "There is no comment zz on Reddit; check the spelling."
