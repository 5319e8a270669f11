"""Reddit's redirects over HTTP: an answer, followed once where it leads to Reddit's own API."""

import pytest

from reddit_mcp.errors import NotFound
from reddit_mcp.reddit.breaker import Breaker, Guarded
from reddit_mcp.reddit.circuit import BreakerRules
from reddit_mcp.reddit.praw import Praw
from reddit_mcp.storage.breakers import BreakerRoom
from tests.praw_things import ABOUT, HOT, MORE, always, failure_of
from tests.praw_things import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.praw_things import source as source  # noqa: PLC0414
from tests.scripted_reddit import Reply, Request, ScriptedReddit
from tests.shapes import listing, t3, t5
from tests.storage_fixtures import fake_store


def renamed(request: Request) -> Reply:
    """r/kettles is r/teapots now."""
    if request.path.startswith("/r/kettles/"):
        rest = request.path.removeprefix("/r/kettles/")
        return Reply(301, b"", {"location": f"/r/teapots/{rest}?limit=25&raw_json=1"})
    return Reply(body=listing(t3(subreddit="teapots")) if "about" not in request.path else t5())


async def test_a_renamed_community_is_followed(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = renamed
    answer = await source.fetch(HOT)
    assert [post.subreddit for post in answer.value.items] == ["teapots"]
    assert answer.calls == 2
    first, second = reddit.requests
    assert second.path == "/r/teapots/hot"
    assert second.query == {"limit": "25", "raw_json": "1"}
    assert second.headers["authorization"] == first.headers["authorization"]


async def test_each_request_learns_where_to_go_anew(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = renamed
    await source.fetch(ABOUT)
    assert (await source.fetch(HOT)).calls == 2


async def test_a_missing_community_is_not_followed(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = always(Reply(302, b"", {"location": f"{reddit.url}/subreddits/search?q=kettles"}))
    failure = await failure_of(source)
    assert isinstance(failure, NotFound)
    assert "moved_to" not in failure.data
    assert len(reddit.requests) == 1


async def test_round_and_round_ends_at_once(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = lambda request: Reply(302, b"", {"location": request.path})
    failure = await failure_of(source)
    assert isinstance(failure, NotFound)
    assert "r/kettles" in str(failure)
    assert failure.calls == len(reddit.requests) == 2


async def test_the_token_goes_to_no_other_host(reddit: ScriptedReddit, source: Praw) -> None:
    other = ScriptedReddit()
    with other.running():
        place = other.url.replace("127.0.0.1", "localhost")
        reddit.answer = always(Reply(302, b"", {"location": f"{place}/r/kettles/about"}))
        failure = await failure_of(source)
        assert isinstance(failure, NotFound)
        assert failure.data["moved_to"] == f"{place}/r/kettles/about"
    assert other.requests == []


async def test_an_answer_of_another_shape_names_the_place(reddit: ScriptedReddit, source: Praw) -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/r/kettles/hot":
            return Reply(302, b"", {"location": "/r/kettles/comments/abc/"})
        return Reply(body=[listing(t3()), listing()])

    reddit.answer = answer
    failure = await failure_of(source, HOT)
    assert isinstance(failure, NotFound)
    assert failure.data["moved_to"].endswith("/r/kettles/comments/abc/")


async def test_what_was_posted_is_not_posted_elsewhere(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = always(Reply(307, b"", {"location": "/r/kettles/morechildren"}))
    assert isinstance(await failure_of(source, MORE), NotFound)
    assert len(reddit.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 403, 404, 410, 414, 451])
async def test_answers_about_a_question_never_open_the_breaker(
    reddit: ScriptedReddit, source: Praw, status: int
) -> None:
    reddit.answer = always(Reply(status, {"reason": "private"}, {"location": "https://elsewhere.example/"}))
    async with fake_store() as store:
        breaker = Breaker("reddit", BreakerRoom(store), BreakerRules(failures=1))
        for _ in range(3):
            with pytest.raises(Exception, match=r"r/kettles|this request"):
                await Guarded(source, breaker).fetch(ABOUT)
        assert breaker.state == "closed"
