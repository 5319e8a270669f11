"""PRAW as the transport where Reddit answers with another place: asked there once, or named; never a fault."""

import contextlib
from pathlib import Path

import pytest

from reddit_mcp.errors import NotFound, Unavailable, UpstreamError
from reddit_mcp.models import Thread
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, _Instance
from reddit_mcp.upstream.reddit_api.response_errors import Moved
from reddit_mcp.upstream.source import Query
from tests.support.praw_transport import ABOUT, HOT, HTML, MORE, always, failure_of, transport
from tests.support.praw_transport import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.support.praw_transport import source as source  # noqa: PLC0414
from tests.support.reddit_shapes import listing, t3, t5
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.tools_in_process import call
from tests.support.whole_path import redis as redis  # noqa: PLC0414
from tests.support.whole_path import serving

STATUSES = [300, 301, 302, 303, 307, 308]
LINK = Query(kind="comments", model=Thread, resource="share link", path="/r/kettles/s/Xy12")


def leading(reddit: ScriptedReddit, location: str, status: int = 301, then: Reply | None = None) -> None:
    """The first request is led to a place, every further one gets an answer."""
    reddit.answer = always(Reply(status, HTML, {"location": location}), then or Reply(body=t5(name="pots")))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    "location", ["{url}/r/pots/about", "/r/pots/about.json?raw_json=1", "about?x=1", "{url}/r/pots/about?utm=%26"]
)
async def test_followed_once(reddit: ScriptedReddit, source: PrawTransport, status: int, location: str) -> None:
    leading(reddit, location.format(url=reddit.url), status)
    answer = await source.fetch(ABOUT)
    assert answer.value.name == "pots"
    assert answer.calls == len(reddit.requests) == 2
    assert reddit.requests[1].query["raw_json"] == "1"


async def test_what_was_asked_for_is_kept(reddit: ScriptedReddit, source: PrawTransport) -> None:
    leading(reddit, "/r/pots/hot?limit=25&t=day", then=Reply(body=listing()))
    await source.fetch(HOT)
    assert reddit.requests[1].path == "/r/pots/hot"
    assert reddit.requests[1].query == {"limit": "5", "t": "day", "raw_json": "1"}


async def test_a_place_on_the_web_site_is_asked_of_the_api(reddit: ScriptedReddit) -> None:
    site = "https://www.kettles.example"
    async with transport(reddit.url, site=site) as source:
        source._idle.append(signed_in(source))
        leading(reddit, f"{site}/r/pots/about")
        assert (await source.fetch(ABOUT)).value.name == "pots"
    assert [request.headers["authorization"] for request in reddit.requests] == ["bearer ours"] * 2


def signed_in(source: PrawTransport) -> _Instance:
    """An instance with a token: the site that gives them is not there."""
    instance = _Instance(source._app, source.budget, contextlib.nullcontext)
    instance._core.authorizer.access_token = "ours"
    instance._core.authorizer._expiration_timestamp_ns = 2**63
    return instance


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:{port}/r/pots/about",
        "//127.0.0.1/r/pots/about",
        "{url}@elsewhere.example/r/pots/about",
        "https://elsewhere.example/r/pots/about",
        "/login?dest=/r/pots",
        "/over18?dest=x",
        "/",
        "/r/pots/..%2f..%2fapi/me",
        "/r/pots//elsewhere.example/",
        "/r/pots/%2e%2e/about",
        "/r/pots/about?" + "&".join(f"p{n}=1" for n in range(50)),
    ],
)
async def test_other_places_are_not_asked(reddit: ScriptedReddit, source: PrawTransport, location: str) -> None:
    port = reddit.url.rpartition(":")[2]
    leading(reddit, location.format(url=reddit.url, port=port))
    failure = await failure_of(source)
    assert type(failure) in (Moved, NotFound)
    assert len(reddit.requests) == 1
    assert failure.calls == 1


async def test_a_post_is_not_led_elsewhere(reddit: ScriptedReddit, source: PrawTransport) -> None:
    leading(reddit, "/api/info", 307)
    assert isinstance(await failure_of(source, MORE), Moved)
    assert len(reddit.requests) == 1


async def test_a_share_link_s_place_is_its_answer(reddit: ScriptedReddit, source: PrawTransport) -> None:
    leading(reddit, "/r/kettles/comments/1abc2d/which/k1/?context=3")
    failure = await failure_of(source, LINK)
    assert isinstance(failure, Moved)
    assert failure.moved_to == f"{reddit.url}/r/kettles/comments/1abc2d/which/k1/?context=3"
    assert len(reddit.requests) == 1


@pytest.mark.parametrize("location", ["/r/kettles/about", "/r/pots/about", "about"])
async def test_a_ring_ends(reddit: ScriptedReddit, source: PrawTransport, location: str) -> None:
    reddit.answer = always(Reply(302, b"", {"location": location}))
    assert isinstance(await failure_of(source), Moved)
    assert len(reddit.requests) == 2


@pytest.mark.parametrize(
    ("then", "kind"),
    [
        (Reply(404, b"{}"), NotFound),
        (Reply(302, b"", {"location": "/subreddits/search?q=pots"}), NotFound),
        (Reply(503), UpstreamError),
        (Reply(401), Unavailable),
        (Reply(200, HTML), Moved),
        (Reply(200, listing()), Moved),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_the_other_place_says(
    reddit: ScriptedReddit, source: PrawTransport, then: Reply, kind: type[Exception]
) -> None:
    leading(reddit, "/r/pots/about", then=then)
    assert type(await failure_of(source)) is kind


async def test_no_such_community_is_a_redirect_to_the_search(reddit: ScriptedReddit, source: PrawTransport) -> None:
    reddit.answer = always(Reply(302, b"", {"location": f"{reddit.url}/subreddits/search?q=kettles"}))
    failure = await failure_of(source)
    assert type(failure) is NotFound
    assert len(reddit.requests) == 1


def renamed(request: Request) -> Reply:
    """r/renamed is r/newname now."""
    if request.path.startswith("/r/renamed/"):
        there = request.path.replace("renamed", "newname")
        return Reply(301, HTML, {"location": f"{there}?limit=25&raw_json=1"})
    return Reply(body=listing(t3("p1", subreddit="newname")))


async def test_a_renamed_community_is_read_under_its_name_and_nothing_counts_as_a_fault(
    reddit: ScriptedReddit, redis: str, tmp_path: Path
) -> None:
    reddit.answer = renamed
    async with serving(reddit, redis, tmp_path) as server:
        for name, sort in [("renamed", "hot"), ("renamed", "new"), ("newname", "top")] * 5:
            content = await call(server.mcp, "get_subreddit_posts", subreddit=name, sort=sort)
            assert [post["id"] for post in content["posts"]] == ["p1"]
            assert content["subreddit"] == "newname"
            assert content["metadata"]["reddit_api_calls"] in (0, 1, 2)
        report = server.outbound.breakers.get("reddit")
        assert report.state == "closed"


async def test_forty_lost_places_do_not_open_the_breaker(reddit: ScriptedReddit, redis: str, tmp_path: Path) -> None:
    reddit.answer = always(Reply(301, HTML, {"location": "https://elsewhere.example/r/pots/"}))
    async with serving(reddit, redis, tmp_path) as server:
        for number in range(40):
            content = await call(server.mcp, "get_subreddit_info", subreddit=f"kettles{number}")
            assert content["error"]["type"] == "not_found"
            assert "elsewhere.example/r/pots" in content["error"]["message"] or "is now r/pots" in str(content)
        assert server.outbound.breakers.get("reddit").state == "closed"
    assert len(reddit.requests) == 40
