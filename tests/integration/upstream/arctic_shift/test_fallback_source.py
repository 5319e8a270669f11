"""FALLBACK_SOURCE: Arctic Shift while Reddit's circuit breaker is open, and for what an imported archive lacks."""

from pathlib import Path

from tests.support.archive_records import archive, post
from tests.support.arctic_shift import Bench
from tests.support.reddit_shapes import t5
from tests.support.scripted_reddit import Reply, ScriptedReddit
from tests.support.tools_in_process import call
from tests.support.whole_path import redis as redis  # noqa: PLC0414 - fixtures
from tests.support.whole_path import serving

DOWN = Reply(503, {"message": "Service Unavailable"})
QUICK = {"retry_attempts": 1, "breaker_failures": 2, "breaker_wait": 30.0}


async def test_it_answers_while_reddits_breaker_is_open(
    reddit: ScriptedReddit, arctic: Bench, redis: str, tmp_path: Path
) -> None:
    reddit.answer = lambda _request: Reply(body=t5())
    settings = {**QUICK, "arctic_shift_url": arctic.url, "fallback_source": "arctic_shift"}
    async with serving(reddit, redis, tmp_path, **settings) as server:
        known = await call(server.mcp, "get_subreddit_info", subreddit="kettles")
        assert known["metadata"]["source"] == "reddit"
        reddit.answer = lambda _request: DOWN
        for number in range(2):
            failed = await call(server.mcp, "get_subreddit_info", subreddit=f"fails{number}")
            assert failed["error"]["type"] == "upstream_error"
        assert server.outbound.outage
        listing = await call(server.mcp, "get_subreddit_posts", subreddit="kettles", sort="new")
        mood = await call(server.mcp, "analyze_sentiment", content_type="post", content_id="p10")
        lacking = await call(server.mcp, "get_subreddit_info", subreddit="nowhere")
        fresh = await call(server.mcp, "get_subreddit_info", subreddit="kettles")
    for answer in (listing, mood):
        assert answer["metadata"]["source"] == "arctic_shift"
        assert answer["metadata"]["degraded"].startswith("Reddit is unavailable: Arctic Shift, a public archive")
    assert listing["posts"]
    assert lacking["error"]["data"]["reason"] == "breaker_open", "the word of who was asked first holds"
    assert (fresh["metadata"]["source"], fresh["metadata"]["cached"]) == ("reddit", True)


async def test_without_it_an_open_breaker_is_an_error(
    reddit: ScriptedReddit, arctic: Bench, redis: str, tmp_path: Path
) -> None:
    reddit.answer = lambda _request: DOWN
    async with serving(reddit, redis, tmp_path, **QUICK, arctic_shift_url=arctic.url) as server:
        for number in range(3):
            failed = await call(server.mcp, "get_subreddit_info", subreddit=f"fails{number}")
    assert failed["error"]["data"]["reason"] == "breaker_open"
    assert not arctic.fake.asked


async def test_what_an_archive_lacks_comes_from_there(arctic: Bench, redis: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "mine.sqlite", post("here", "Mine", subreddit="mine"))
    async with serving(
        None, redis, tmp_path, archive_db=path, arctic_shift_url=arctic.url, fallback_source="arctic_shift"
    ) as server:
        own = await call(server.mcp, "get_post_comments", post_id="here")
        assert not arctic.fake.asked
        other = await call(server.mcp, "get_post_comments", post_id="p10")
        neither = await call(server.mcp, "get_post_comments", post_id="zzzz")
        links = await call(server.mcp, "get_subreddit_posts", subreddit="kettles", sort="new")
    assert (own["metadata"]["source"], own["post"]["title"]) == ("archive", "Mine")
    assert "degraded" not in own["metadata"]
    assert other["metadata"]["source"] == links["metadata"]["source"] == "arctic_shift"
    assert other["metadata"]["degraded"].startswith("The archive lacks this: Arctic Shift")
    assert neither["error"]["type"] == "not_found"
