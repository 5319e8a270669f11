"""What the two tools of analysis make of Reddit's answers: the choices that no recording shows."""

import pytest

from tests.support.reddit_shapes import listing, t1, t3, thread
from tests.support.scripted_source import ANGRY, HAPPY, Json, Scripted, asked, titled
from tests.support.tools_in_process import NOW, call, server_over

# analyze_sentiment


@pytest.mark.parametrize(
    ("kind", "content_id", "path", "answer"),
    [
        ("post", "t3_1abc2d", "/api/info", listing(t3(title=HAPPY, selftext=""))),
        ("comment", "t1_k1", "/api/info", listing(t1(body=HAPPY))),
        ("thread", "1abc2d", "/comments/1abc2d", thread(t1(body=HAPPY), title=HAPPY)),
        ("search_results", "kettle", "/r/all/search", titled(HAPPY, HAPPY)),
        ("subreddit", "r/kettles", "/r/kettles/top", titled(HAPPY, HAPPY)),
        ("user", "u/tea_lover", "/user/tea_lover/overview", titled(HAPPY, HAPPY, created_utc=NOW)),
    ],
)
async def test_each_kind_of_content(kind: str, content_id: str, path: str, answer: Json) -> None:
    content = await asked({path: answer}, "analyze_sentiment", content_type=kind, content_id=content_id)
    assert content["overall_sentiment"]["label"] == "positive"
    assert content["analyzed_items"] == {"post": 1, "comment": 1}.get(kind, 2)


async def test_happy_and_angry_voices_are_quoted() -> None:
    long = "word " * 90 + ANGRY
    answers = {"/r/kettles/top": titled(HAPPY, long, selftext="")}
    content = await asked(answers, "analyze_sentiment", content_type="subreddit", content_id="kettles")
    assert content["most_positive"][0]["text"].startswith(HAPPY)
    assert content["most_negative"][0]["truncated"] is True
    assert len(content["most_negative"][0]["text"]) <= 300


async def test_only_what_a_user_wrote_lately_counts() -> None:
    posts = listing(t3("new", created_utc=NOW - 3000), t3("old", created_utc=NOW - 4000))
    answers = {"/user/tea_lover/overview": posts}
    for window, items in [("hour", 1), ("day", 2), ("all", 2)]:
        arguments = {"content_type": "user", "content_id": "tea_lover", "time_filter": window}
        assert (await asked(answers, "analyze_sentiment", **arguments))["analyzed_items"] == items


async def test_nothing_to_read_is_said() -> None:
    content = await asked(
        {"/r/all/search": listing()}, "analyze_sentiment", content_type="search_results", content_id="x"
    )
    assert content["analyzed_items"] == 0
    assert "longer time_filter" in content["metadata"]["notice"]


@pytest.mark.parametrize(
    ("kind", "content_id", "error_type"),
    [
        ("post", "r/kettles", "invalid_input"),
        ("thread", "../x", "invalid_input"),
        ("comment", "a b", "invalid_input"),
        ("search_results", "<script>", "invalid_input"),
        ("subreddit", "_x", "invalid_input"),
        ("user", "a b", "invalid_input"),
        ("comment", "k1", "not_found"),
        ("post", "1abc2d", "not_found"),
    ],
)
async def test_content_that_cannot_be(kind: str, content_id: str, error_type: str) -> None:
    content = await asked({"/api/info": listing()}, "analyze_sentiment", content_type=kind, content_id=content_id)
    assert content["error"]["type"] == error_type
    if error_type == "invalid_input":
        assert content["error"]["data"]["issues"][0]["field"] == "content_id"


# get_trending_topics


async def test_the_newest_posts_of_all() -> None:
    source = Scripted({"/r/all/new": titled("a", "b")})
    content = await call(server_over(source), "get_trending_topics")
    assert (content["posts_analyzed"], content["analysis_timestamp"]) == (2, NOW)
    assert source.asked == [("/r/all/new", {"limit": "100"})]


async def test_the_day_is_two_pages() -> None:
    pages = [titled("a", "b"), listing(t3("p9", title="c"))]
    pages[0]["data"]["after"] = "t3_p1"

    async def next_page() -> Json:
        return pages.pop(0)

    source = Scripted({"/r/kettles/top": next_page})
    arguments = {"scope": "subreddit", "subreddit": "kettles", "timeframe": "day"}
    content = await call(server_over(source), "get_trending_topics", **arguments)
    assert content["posts_analyzed"] == 3
    assert [params.get("after") for _, params in source.asked] == [None, "t3_p1"]


async def test_a_day_of_one_page() -> None:
    content = await asked({"/r/all/top": titled("a")}, "get_trending_topics", timeframe="day")
    assert content["posts_analyzed"] == 1


async def test_the_community_is_needed() -> None:
    error = (await asked({}, "get_trending_topics", scope="subreddit"))["error"]
    assert error["data"]["issues"][0]["field"] == "subreddit"
