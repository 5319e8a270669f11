"""What each tool makes of Reddit's answers: the choices that no recording shows."""

import asyncio
import json

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent

from reddit_mcp.errors import DeadlineExceeded, RateLimited
from reddit_mcp.tools import specs
from tests.support.reddit_shapes import listing, more, t1, t2, t3, t5, thread
from tests.support.scripted_source import HAPPY, Json, Scripted, asked, titled
from tests.support.tool_calls import TOOLS
from tests.support.tools_in_process import call, server_over

# every tool


async def test_text_and_structured_content_are_the_same_object() -> None:
    result = await server_over(Scripted({"/r/all/search": titled("a")})).call_tool("search_reddit", {"query": "kettle"})
    assert isinstance(result, CallToolResult)
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert json.loads(content.text) == result.structured_content
    assert ": " not in content.text.replace(HAPPY, "")


async def test_metadata() -> None:
    source = Scripted({"/r/all/search": listing()}, archive=(5, 9), age=61.5, cached=True, stale=True)
    content = await call(server_over(source, lambda: 995), "search_reddit", query="kettle")
    metadata = content["metadata"]
    assert metadata.pop("execution_time_ms") >= 0
    assert metadata == {
        "cached": True,
        "stale": True,
        "cache_age_seconds": 61,
        "ttl": 300,
        "rate_limit_remaining": None,
        "reddit_rate_limit_remaining": 995,
        "reddit_api_calls": 1,
        "source": "archive",
        "archive_from": 5,
        "archive_to": 9,
        "untrusted_content": True,
    }


async def test_a_null_is_an_argument_left_out() -> None:
    source = Scripted({"/r/all/search": listing()})
    content = await call(server_over(source), "search_reddit", query="kettle", subreddit=None, limit=None)
    assert content["total_found"] == 0
    assert source.asked[0][1]["limit"] == "25"


async def test_an_unknown_tool_is_a_protocol_error_that_names_the_closest() -> None:
    with pytest.raises(MCPError, match="did you mean search_reddit"):
        await server_over(Scripted({})).call_tool("search_redit", {})


async def test_a_call_ends_at_its_deadline() -> None:
    async def never() -> Json:
        await asyncio.Event().wait()

    server = server_over(Scripted({"/r/all/search": never}), deadline=0.05)
    error = (await call(server, "search_reddit", query="kettle"))["error"]
    assert (error["type"], error["data"]["operation"]) == ("timeout", "search_reddit")
    assert error["data"]["timeout"] == 0.05


async def test_failures_keep_their_facts() -> None:
    async def refuse() -> Json:
        raise RateLimited("Later.", limit_type="reddit_api", retry_after_seconds=7)

    error = (await asked({"/r/all/search": refuse}, "search_reddit", query="kettle"))["error"]
    assert (error["code"], error["data"]["retry_after_seconds"]) == (-32004, 7)


async def test_a_bug_is_internal_and_tells_nothing() -> None:
    error = (await asked({}, "search_reddit", query="kettle"))["error"]
    assert error["type"] == "internal"
    assert "KeyError" not in json.dumps(error)


async def test_deeply_nested_arguments_do_no_harm() -> None:
    error = (await asked({}, "search_reddit", query="kettle", limit="[" * 100_000))["error"]
    assert (error["type"], error["data"]["issues"][0]["field"]) == ("invalid_input", "limit")


def test_eight_tools() -> None:
    assert [spec.name for spec in specs()] == TOOLS


# pages


async def test_a_page_longer_than_asked_for_is_cut_and_the_cursor_follows() -> None:
    answers = {"/r/kettles/hot": listing(*(t3(f"p{number}") for number in range(4)), after="t3_p3")}
    content = await asked(answers, "get_subreddit_posts", subreddit="kettles", limit=2)
    assert ([post["id"] for post in content["posts"]], content["after"]) == (["p0", "p1"], "t3_p1")
    content = await asked(answers, "get_subreddit_posts", subreddit="kettles", limit=4)
    assert content["after"] == "t3_p3"


# get_post_comments


async def test_a_permalink_of_a_comment_shows_its_branch() -> None:
    answers = {"/comments/1abc2d/_/k1": thread(t1("k1"), t1("k2", "t1_k1"))}
    url = "https://www.reddit.com/r/kettles/comments/1abc2d/which_kettle/k1/"
    content = await asked(answers, "get_post_comments", post_id=url)
    assert content["comments"][0]["replies"][0]["id"] == "k2"


async def test_a_branch_that_is_not_there_is_not_found() -> None:
    error = (await asked({"/comments/1abc2d/_/k1": thread()}, "get_post_comments", post_id="1abc2d", comment_id="k1"))[
        "error"
    ]
    assert (error["type"], error["data"]["resource"]) == ("not_found", "comment k1 in post 1abc2d")


async def test_a_branch_that_goes_on_elsewhere_is_fetched_or_named() -> None:
    answers = {
        "/comments/1abc2d": thread(t1("k1", replies=listing(more("t1_k1")))),
        "/comments/1abc2d/_/k1": thread(t1("k1", replies=listing(t1("k2", "t1_k1")))),
    }
    content = await asked(answers, "get_post_comments", post_id="1abc2d")
    assert "comment_id" in content["metadata"]["notice"]
    content = await asked(answers, "get_post_comments", post_id="1abc2d", expand_more=1)
    assert content["comments"][0]["replies"][0]["id"] == "k2"
    assert "notice" not in content["metadata"]
    assert content["metadata"]["reddit_api_calls"] == 2


async def test_not_a_post() -> None:
    error = (await asked({}, "get_post_comments", post_id="r/kettles"))["error"]
    assert (error["type"], error["data"]["issues"][0]["field"]) == ("invalid_input", "post_id")


# get_user_info


async def test_users() -> None:
    answers = {
        "/user/tea_lover/about": t2(),
        "/user/tea_lover/overview": listing(t3(), t1(), after="t1_k1"),
        "/user/gone/about": {"data": {"name": "gone", "is_suspended": True}},
    }
    content = await asked(answers, "get_user_info", username="u/Tea_Lover", include="all")
    assert (len(content["posts"]), len(content["comments"]), content["after"]) == (1, 1, "t1_k1")
    content = await asked(answers, "get_user_info", username="tea_lover")
    assert (content["posts"], content["comments"], content["after"]) == ([], [], None)
    error = (await asked(answers, "get_user_info", username="gone"))["error"]
    assert (error["type"], error["data"]["reason"]) == ("not_found", "suspended")


async def test_communities() -> None:
    rules = {"rules": [{"short_name": "Be kind", "kind": "all"}]}
    answers = {"/r/kettles/about": t5(), "/r/kettles/about/rules": rules}
    assert (await asked(answers, "get_subreddit_info", subreddit="kettles"))["rules"] == []
    content = await asked(answers, "get_subreddit_info", subreddit="kettles", include_rules=True)
    assert content["rules"] == [{"short_name": "Be kind", "description": "", "kind": "all"}]


# watch_keywords


async def test_the_life_of_a_watch() -> None:
    server = server_over(Scripted({}))
    arguments = {"keywords": ["Tea", "tea"], "subreddits": ["r/kettles"], "webhook_url": "https://hook.example/x"}
    watch = (await call(server, "watch_keywords", action="create", **arguments))["watch"]
    assert (watch["keywords"], watch["subreddits"], watch["status"]) == (["tea"], ["kettles"], "active")
    assert "owner" not in watch
    assert watch.pop("webhook_secret").startswith("whsec_")
    one = {"watch_id": watch["watch_id"]}
    assert (await call(server, "watch_keywords", action="list"))["watches"] == [watch]
    assert (await call(server, "watch_keywords", action="pause", **one))["watch"]["status"] == "paused"
    assert (await call(server, "watch_keywords", action="resume", **one))["watch"]["status"] == "active"
    assert (await call(server, "watch_keywords", action="matches", **one))["matches"] == []
    assert (await call(server, "watch_keywords", action="delete", **one))["watch"]["status"] == "deleted"
    assert (await call(server, "watch_keywords", action="pause", **one))["error"]["type"] == "not_found"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"action": "create"}, "keywords"),
        ({"action": "pause"}, "watch_id"),
        ({"action": "create", "keywords": ["tea"], "webhook_url": "http://hook.example"}, "webhook_url"),
        ({"action": "create", "keywords": ["tea"], "webhook_url": "https://user@hook.example"}, "webhook_url"),
        ({"action": "create", "keywords": ["tea"], "webhook_url": "https://[x"}, "webhook_url"),
    ],
)
async def test_watches_that_cannot_be(arguments: dict[str, Json], field: str) -> None:
    error = (await asked({}, "watch_keywords", **arguments))["error"]
    assert (error["type"], error["data"]["issues"][0]["field"]) == ("invalid_input", field)


async def test_a_reddit_that_is_late_is_a_timeout() -> None:
    async def late() -> Json:
        raise DeadlineExceeded("Late.", operation="reddit request", timeout=10)

    error = (await asked({"/user/tea_lover/about": late}, "get_user_info", username="tea_lover"))["error"]
    assert (error["type"], error["code"]) == ("timeout", -32007)
