"""PRAW as the transport: what is sent, what the answer becomes, whose settings count."""

import json
from pathlib import Path
from typing import Any

import praw
import pytest
from praw.config import Config
from prawcore.rate_limit import RateLimiter
from prawcore.sessions import FiniteRetryStrategy

from reddit_mcp.models import Post
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication
from tests.support.praw_transport import ABOUT, CLIENT_ID, HOT, MORE, always, transport
from tests.support.praw_transport import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.support.praw_transport import source as source  # noqa: PLC0414
from tests.support.reddit_shapes import listing, t1, t3, t5
from tests.support.scripted_reddit import Reply, ScriptedReddit

# what is sent


async def test_one_token_serves_many_requests(reddit: ScriptedReddit, source: PrawTransport) -> None:
    answers = [await source.fetch(ABOUT) for _ in range(5)]
    assert [answer.calls for answer in answers] == [1] * 5
    assert answers[0].value.name == "kettles"
    assert (reddit.tokens, len(reddit.requests)) == (1, 5)


async def test_the_request(reddit: ScriptedReddit, source: PrawTransport) -> None:
    reddit.answer = always(Reply(body=listing(t3())))
    answer = await source.fetch(HOT)
    (request,) = reddit.requests
    assert (request.method, request.path) == ("GET", "/r/kettles/hot")
    assert request.query == {"limit": "5", "raw_json": "1"}
    assert request.headers["authorization"] == "bearer token-1"
    assert request.headers["user-agent"].startswith("test:kettles:1 (by /u/nobody)")
    assert reddit.sign_ins[0].form == {"grant_type": "client_credentials"}
    assert reddit.sign_ins[0].headers["authorization"].startswith("Basic ")
    assert (answer.cached, answer.stale, answer.age, answer.ttl) == (False, False, 0.0, 300)


async def test_a_post_request_carries_a_form(reddit: ScriptedReddit, source: PrawTransport) -> None:
    reddit.answer = always(Reply(body={"json": {"errors": [], "data": {"things": [t1("a")]}}}))
    answer = await source.fetch(MORE)
    assert [comment.id for comment in answer.value.comments] == ["a"]
    (request,) = reddit.requests
    assert request.method == "POST"
    assert request.form == {"children": "a,b", "link_id": "t3_1abc2d", "api_type": "json"}


async def test_an_application_without_a_secret(reddit: ScriptedReddit) -> None:
    source = PrawTransport(RedditApplication(CLIENT_ID, "", "test:kettles:1", reddit.url, reddit.url, 20))
    assert (await source.fetch(ABOUT)).value.name == "kettles"
    await source.aclose()
    assert "installed_client" in reddit.sign_ins[0].form["grant_type"]


# what the answer becomes


async def test_escaping_is_undone_once_and_only_where_it_is(reddit: ScriptedReddit, source: PrawTransport) -> None:
    def answered(raw: Any, **headers: str) -> Reply:
        return Reply(200, json.dumps(listing(t3(**raw))).encode(), headers)

    async def post_of(reply: Reply) -> Post:
        reddit.answer = always(reply)
        (post,) = (await source.fetch(HOT)).value.items
        assert isinstance(post, Post)
        return post

    escaped = {"title": "a &lt;b&gt; &amp;amp; c", "selftext_html": "&lt;p&gt;x&lt;/p&gt;"}
    raw = {"title": "how to type &lt;", "selftext_html": '<a href="https://preview.redd.it/x.png?w=1&amp;s=2">x</a>'}
    assert (await post_of(answered(escaped))).title == "a <b> &amp; c"
    assert (await post_of(answered(raw))).title == "how to type &lt;"
    assert (await post_of(answered({"title": "&lt;"}, **{"x-archive-span": "5-9"}))).title == "&lt;"


@pytest.mark.parametrize(
    ("header", "span"),
    [("1119552233-1780499467", (1119552233, 1780499467)), ("5-", None), ("-5", None), ("", None), ("a-b", None)],
)
async def test_an_archive_says_what_it_covers(
    reddit: ScriptedReddit, source: PrawTransport, header: str, span: tuple[int, int] | None
) -> None:
    reddit.answer = always(Reply(body=t5(), headers={"x-archive-span": header}))
    assert (await source.fetch(ABOUT)).archive == span


# whose settings count


PLANTED = """
[DEFAULT]
client_id=planted
client_secret=planted
oauth_url=http://127.0.0.1:9
reddit_url=http://127.0.0.1:9
username=planted
password=planted
refresh_token=planted
user_agent=planted:planted
timeout=soon
"""


@pytest.mark.parametrize(
    "text",
    [
        PLANTED,
        "this is no configuration",
    ],
)
async def test_a_praw_ini_is_ignored(
    reddit: ScriptedReddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "praw.ini").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(Config, "CONFIG", None)
    async with transport(reddit.url) as source:
        assert (await source.fetch(ABOUT)).value.name == "kettles"
    assert "planted" not in repr(reddit.sign_ins + reddit.requests)


async def test_praw_variables_are_ignored(reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "client_id client_secret username password refresh_token user_agent redirect_uri site".split():
        monkeypatch.setenv(f"praw_{name}", "planted:planted")
    monkeypatch.setenv("praw_check_for_updates", "true")
    async with transport(reddit.url) as source:
        assert (await source.fetch(ABOUT)).value.name == "kettles"
    assert "planted" not in repr(reddit.sign_ins + reddit.requests)
    assert reddit.sign_ins[0].form["grant_type"] == "client_credentials"


async def test_proxies_and_netrc_are_ignored(
    reddit: ScriptedReddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login planted password planted\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with transport(reddit.url) as source:
        await source.fetch(ABOUT)
    assert reddit.requests[0].headers["authorization"] == "bearer token-1"


# the private seams of PRAW and prawcore


def test_the_seams_are_where_they_were(reddit: ScriptedReddit) -> None:
    plain = praw.Reddit(client_id="x", client_secret="y", user_agent="test:kettles:1", check_for_updates=False)
    core: Any = plain._core
    assert isinstance(core._rate_limiter, RateLimiter)
    assert core.rate_limiter is core._rate_limiter
    assert core._retry_strategy_class is FiniteRetryStrategy
    assert isinstance(Config.CONFIG.defaults(), dict) if Config.CONFIG else False
    core.authorizer.access_token = "t"
    core.authorizer._clear_access_token()
    assert core.authorizer.access_token is None


async def test_our_parts_stand_in_the_seams(reddit: ScriptedReddit, source: PrawTransport) -> None:
    await source.fetch(ABOUT)
    (instance,) = source._idle
    core: Any = instance._core
    assert type(core._rate_limiter).__name__ == "_NoSleep"
    assert core._retry_strategy_class().should_retry_on_failure() is False
    assert core.requestor._http is instance.http
    assert core.requestor.timeout == 20.0
    assert instance.http.trust_env is False
