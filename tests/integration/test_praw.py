"""PRAW as the transport, against a server that misbehaves in every way Reddit does."""

import asyncio
import contextlib
import json
import socket
import threading
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import praw
import pytest
from praw.config import Config
from prawcore.rate_limit import RateLimiter
from prawcore.sessions import FiniteRetryStrategy

from reddit_mcp.errors import DeadlineExceeded, Failure, InvalidInput, NotFound, RateLimited, Unavailable, UpstreamError
from reddit_mcp.models import Branches, Listing, Post, Subreddit
from reddit_mcp.reddit.connections import AbortableSession
from reddit_mcp.reddit.praw import Application, Praw
from reddit_mcp.reddit.source import Query
from tests.scripted_reddit import Reply, Request, ScriptedReddit, token
from tests.shapes import listing, t1, t3, t5

CLIENT_ID = "client-4711"
SECRET = "hush-hush-hush"
HTML = b"<!doctype html><html><head><title>Blocked</title></head><body>whoa there</body></html>"
ABOUT = Query(kind="subreddit", model=Subreddit, resource="community r/kettles", path="/r/kettles/about")
HOT = Query(
    kind="listing", model=Listing, resource="community r/kettles", path="/r/kettles/hot", params=(("limit", "5"),)
)
MORE = Query(
    kind="comments",
    model=Branches,
    resource="post 1abc2d",
    path="/api/morechildren",
    params=(("children", "a,b"), ("link_id", "t3_1abc2d")),
    method="POST",
)


@pytest.fixture
def reddit() -> Iterator[ScriptedReddit]:
    server = ScriptedReddit()
    server.answer = lambda _request: Reply(body=t5())
    with server.running():
        yield server


@contextlib.asynccontextmanager
async def transport(url: str, *, threads: int = 2, within: float = 20.0) -> AsyncIterator[Praw]:
    source = Praw(Application(CLIENT_ID, SECRET, "test:kettles:1 (by /u/nobody)", url, url, within), threads)
    try:
        yield source
    finally:
        await source.aclose()


@pytest.fixture
async def source(reddit: ScriptedReddit) -> AsyncIterator[Praw]:
    async with transport(reddit.url) as opened:
        yield opened


@pytest.fixture
async def hasty(reddit: ScriptedReddit) -> AsyncIterator[Praw]:
    """One thread and little patience."""
    async with transport(reddit.url, threads=1, within=0.4) as opened:
        yield opened


async def failure_of(source: Praw, query: Query[Any] = ABOUT) -> Failure:
    with pytest.raises(Failure) as caught:
        await source.fetch(query)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.data)
    assert SECRET not in told
    assert "token-" not in told
    assert CLIENT_ID not in str(caught.value)
    return caught.value


def always(*replies: Reply) -> Any:
    """These replies in turn, then the last again and again."""
    left = list(replies)
    return lambda *_: left.pop(0) if len(left) > 1 else left[0]


# what is sent


async def test_one_token_serves_many_requests(reddit: ScriptedReddit, source: Praw) -> None:
    answers = [await source.fetch(ABOUT) for _ in range(5)]
    assert [answer.calls for answer in answers] == [1] * 5
    assert answers[0].value.name == "kettles"
    assert (reddit.tokens, len(reddit.requests)) == (1, 5)


async def test_the_request(reddit: ScriptedReddit, source: Praw) -> None:
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


async def test_a_post_request_carries_a_form(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = always(Reply(body={"json": {"errors": [], "data": {"things": [t1("a")]}}}))
    answer = await source.fetch(MORE)
    assert [comment.id for comment in answer.value.comments] == ["a"]
    (request,) = reddit.requests
    assert request.method == "POST"
    assert request.form == {"children": "a,b", "link_id": "t3_1abc2d", "api_type": "json"}


async def test_an_application_without_a_secret(reddit: ScriptedReddit) -> None:
    source = Praw(Application(CLIENT_ID, "", "test:kettles:1", reddit.url, reddit.url, 20))
    assert (await source.fetch(ABOUT)).value.name == "kettles"
    await source.aclose()
    assert "installed_client" in reddit.sign_ins[0].form["grant_type"]


# tokens


@pytest.mark.parametrize(
    "refused", [Reply(401, {"message": "Unauthorized", "error": 401}), Reply(401, HTML), Reply(401)], ids=str
)
async def test_an_ended_token_is_renewed_and_the_request_repeated_once(
    reddit: ScriptedReddit, source: Praw, refused: Reply
) -> None:
    reddit.answer = always(refused, Reply(body=t5()))
    answer = await source.fetch(ABOUT)
    assert answer.calls == 2
    assert [request.headers["authorization"] for request in reddit.requests] == ["bearer token-1", "bearer token-2"]
    assert (await source.fetch(ABOUT)).calls == 1
    assert reddit.tokens == 2


@pytest.mark.parametrize("headers", [{}, {"www-authenticate": 'Bearer realm="reddit", error="invalid_token"'}])
async def test_401_twice_is_about_credentials(reddit: ScriptedReddit, source: Praw, headers: dict[str, str]) -> None:
    reddit.answer = always(Reply(401, b"", headers))
    failure = await failure_of(source)
    assert isinstance(failure, Unavailable)
    assert failure.data == {"service": "reddit", "reason": "reddit_credentials"}
    assert (len(reddit.requests), reddit.tokens) == (2, 2)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(401, {"message": "Unauthorized", "error": 401}), Unavailable),
        (Reply(400, {"message": "Bad Request", "error": 400}), Unavailable),
        (Reply(200, {"error": "invalid_grant"}), Unavailable),
        (Reply(200, HTML), UpstreamError),
        (Reply(200, {}), UpstreamError),
        (Reply(200, []), UpstreamError),
        (Reply(200, {"access_token": "t", "expires_in": "soon", "scope": "*"}), UpstreamError),
        (Reply(200, {"access_token": "t", "expires_in": 60, "scope": 5}), UpstreamError),
        (Reply(200, b'{"access_tok'), UpstreamError),
        (Reply(500, HTML), UpstreamError),
        (Reply(503), UpstreamError),
        (Reply(429, HTML, {"retry-after": "9"}), RateLimited),
    ],
    ids=str,
)
async def test_a_token_endpoint_that_gives_no_token(
    reddit: ScriptedReddit, source: Praw, reply: Reply, kind: type[Failure]
) -> None:
    reddit.token = always(reply)
    assert type(await failure_of(source)) is kind
    assert (reddit.tokens, len(reddit.requests)) == (1, 0)
    reddit.token = token
    assert (await source.fetch(ABOUT)).value.name == "kettles"


async def test_sign_in(reddit: ScriptedReddit, source: Praw) -> None:
    await source.sign_in()
    assert (reddit.tokens, len(reddit.requests)) == (1, 0)
    for reply, kind in [(Reply(401), Unavailable), (Reply(200, HTML), UpstreamError), (Reply(503), UpstreamError)]:
        reddit.token = always(reply)
        with pytest.raises(kind):
            await source.sign_in()


# Reddit's own limit


@pytest.mark.parametrize(
    ("headers", "remaining"),
    [
        ({"x-ratelimit-remaining": "598.0", "x-ratelimit-used": "2", "x-ratelimit-reset": "388"}, 598),
        ({"x-ratelimit-remaining": "598.5", "x-ratelimit-reset": "388.25"}, 598),
        ({"x-ratelimit-remaining": "many", "x-ratelimit-used": "few", "x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-remaining": "nan"}, None),
        ({"x-ratelimit-remaining": "-5", "x-ratelimit-reset": "5"}, None),
        ({"x-ratelimit-remaining": "1e400"}, None),
        ({"x-ratelimit-remaining": ""}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "never"}, 0),
        ({}, None),
    ],
)
async def test_rate_limit_headers(
    reddit: ScriptedReddit, source: Praw, headers: dict[str, str], remaining: int | None
) -> None:
    reddit.answer = always(Reply(body=t5(), headers=headers))
    await source.fetch(ABOUT)
    assert source.budget.remaining == remaining
    assert (await source.fetch(ABOUT)).calls == 1


@pytest.mark.parametrize("spent", [Reply(200, t5()), Reply(404, {"error": 404}), Reply(429, HTML)], ids=str)
async def test_a_used_up_budget_refuses_at_once_and_names_the_wait(
    reddit: ScriptedReddit, source: Praw, spent: Reply
) -> None:
    headers = {"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "300"}
    reddit.answer = always(Reply(spent.status, spent.body, headers))
    with contextlib.suppress(Failure):
        await source.fetch(ABOUT)
    started = time.monotonic()
    failure = await failure_of(source)
    assert time.monotonic() - started < 5
    assert isinstance(failure, RateLimited)
    assert failure.data["limit_type"] == "reddit_api"
    assert 290 <= failure.data["retry_after_seconds"] <= 300
    assert str(failure.data["retry_after_seconds"]) in str(failure)
    assert len(reddit.requests) == 1


async def test_429(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = always(Reply(429, HTML, {"retry-after": "17"}))
    failure = await failure_of(source)
    assert isinstance(failure, RateLimited)
    assert failure.data["retry_after_seconds"] == 17
    assert len(reddit.requests) == 1


# faults of Reddit's


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520, 522])
async def test_trouble_is_one_request(reddit: ScriptedReddit, source: Praw, status: int) -> None:
    reddit.answer = always(Reply(status, HTML))
    failure = await failure_of(source)
    assert isinstance(failure, UpstreamError)
    assert failure.data == {"status_code": status, "upstream_service": "reddit"}
    assert len(reddit.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        b"",
        b'{"kind": "t5", "data": {"display_na',
        b"\xff\xfe\x00",
        b"9" * 5000,
        b"[" * 200_000,
        b"null",
        b"[]",
        b'"text"',
        b'{"error": 403}',
        b'{"kind": "t5", "data": {}}',
    ],
    ids=lambda body: ascii(body[:20]),
)
async def test_an_answer_that_is_not_its_json(reddit: ScriptedReddit, source: Praw, body: bytes) -> None:
    reddit.answer = always(Reply(200, body))
    failure = await failure_of(source)
    assert isinstance(failure, UpstreamError)
    assert failure.data["status_code"] == 200
    assert len(reddit.requests) == 1


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
        b"",
        b"SSH-2.0\r\n",
    ],
)
async def test_a_connection_that_ends_early(reddit: ScriptedReddit, source: Praw, start: bytes) -> None:
    reddit.answer = always(Reply(raw=lambda _closing: iter([start])))
    failure = await failure_of(source)
    assert isinstance(failure, UpstreamError)
    assert failure.data == {"upstream_service": "reddit"}
    assert len(reddit.requests) == 1


async def test_errors_inside_a_good_answer(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = always(Reply(body={"json": {"errors": [["BAD", "words", "field"]]}}))
    failure = await failure_of(source, MORE)
    assert isinstance(failure, UpstreamError)
    assert failure.data["status_code"] == 200


async def test_connection_refused() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with transport(f"http://127.0.0.1:{port}") as source:
        failure = await failure_of(source)
    assert isinstance(failure, UpstreamError)


# refusals of Reddit's


async def test_redirects_are_not_followed(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = always(Reply(302, b"", {"location": f"{reddit.url}/subreddits/search?q=kettles"}))
    assert isinstance(await failure_of(source), NotFound)
    reddit.answer = always(Reply(302, b"", {"location": f"{reddit.url}/r/other/about"}))
    assert isinstance(await failure_of(source), UpstreamError)
    assert [request.path for request in reddit.requests] == ["/r/kettles/about"] * 2


@pytest.mark.parametrize("reason", ["private", "gated", "quarantined"])
async def test_hidden_communities(reddit: ScriptedReddit, source: Praw, reason: str) -> None:
    reddit.answer = always(Reply(403, {"reason": reason, "message": "Forbidden", "error": 403}))
    failure = await failure_of(source)
    assert isinstance(failure, NotFound)
    assert failure.data == {"resource": "community r/kettles", "reason": reason}


async def test_each_refusal_names_its_own_question(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = always(Reply(404, {"message": "Not Found", "error": 404}))
    assert (await failure_of(source, ABOUT)).data["resource"] == "community r/kettles"
    assert (await failure_of(source, MORE)).data["resource"] == "post 1abc2d"


async def test_400(reddit: ScriptedReddit, source: Praw) -> None:
    reddit.answer = always(Reply(400, {"explanation": "that kettle does not exist", "reason": "X"}))
    failure = await failure_of(source)
    assert isinstance(failure, InvalidInput)
    assert "that kettle does not exist" in str(failure)


# time


def hang(_request: Request) -> Reply:
    def silence(closing: threading.Event) -> Iterator[bytes]:
        closing.wait()
        yield b""

    return Reply(raw=silence)


def drip(start: bytes, byte: bytes) -> Any:
    def drops(closing: threading.Event) -> Iterator[bytes]:
        yield start
        while not closing.wait(0.02):
            yield byte

    return always(Reply(raw=drops))


@pytest.mark.parametrize(
    "answer",
    [
        hang,
        drip(b"HTTP/1.1 200 OK\r\nx-slow: ", b"x"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        drip(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", b"{"),
        drip(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["hang", "headers", "body", "sized body", "chunks"],
)
async def test_a_slow_answer_ends_in_time_and_frees_its_thread(
    reddit: ScriptedReddit, hasty: Praw, answer: Any
) -> None:
    reddit.answer = answer
    started = time.monotonic()
    failure = await failure_of(hasty)
    assert isinstance(failure, DeadlineExceeded)
    assert failure.data == {"operation": "reddit request", "timeout": 0.4, "upstream_service": "reddit"}
    assert 0.3 < time.monotonic() - started < 5
    reddit.answer = always(Reply(body=t5()))
    assert (await hasty.fetch(ABOUT)).value.name == "kettles"


async def test_a_slow_token_endpoint_ends_in_time(reddit: ScriptedReddit, hasty: Praw) -> None:
    reddit.token = drip(b"HTTP/1.1 200 OK\r\nx-slow: ", b"x")
    assert isinstance(await failure_of(hasty), DeadlineExceeded)
    reddit.token = token
    assert (await hasty.fetch(ABOUT)).value.name == "kettles"


async def arrival(reddit: ScriptedReddit) -> None:
    """Wait until a request is there."""
    assert await asyncio.to_thread(reddit.arrived.acquire, timeout=20)


async def test_a_cancelled_caller_frees_the_place(reddit: ScriptedReddit) -> None:
    async with transport(reddit.url, threads=1) as source:
        reddit.answer = hang
        call = asyncio.create_task(source.fetch(ABOUT))
        await arrival(reddit)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        reddit.answer = always(Reply(body=t5()))
        assert (await source.fetch(ABOUT)).value.name == "kettles"


async def test_a_cancelled_caller_does_not_disturb_the_others(reddit: ScriptedReddit, source: Praw) -> None:
    gate = threading.Event()

    def answer(_request: Request) -> Reply:
        assert gate.wait(20)
        return Reply(body=t5())

    reddit.answer = answer
    one, other = (asyncio.create_task(source.fetch(ABOUT)) for _ in range(2))
    await arrival(reddit)
    await arrival(reddit)
    one.cancel()
    gate.set()
    assert (await other).value.name == "kettles"


async def test_an_instance_is_not_lent_before_its_thread_has_ended(
    reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(AbortableSession, "abort", lambda _self: None)

    def answer(request: Request) -> Reply:
        if len(reddit.requests) == 1:
            assert gate.wait(20)
        return Reply(body=t5(name=request.headers["authorization"].split()[1]))

    reddit.answer = answer
    async with transport(reddit.url, threads=2) as source:
        call = asyncio.create_task(source.fetch(ABOUT))
        await arrival(reddit)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await source.fetch(ABOUT)).value.name == "token-2"
        gate.set()


async def test_at_most_so_many_at_once(reddit: ScriptedReddit) -> None:
    full = threading.Barrier(3, timeout=20)

    def answer(_request: Request) -> Reply:
        full.wait()
        return Reply(body=t5())

    reddit.answer = answer
    async with transport(reddit.url, threads=3) as source:
        answers = await asyncio.gather(*(source.fetch(ABOUT) for _ in range(12)))
    assert len(answers) == 12
    assert reddit.busiest == 3
    assert reddit.tokens == 3


async def test_closing_ends_the_threads(reddit: ScriptedReddit) -> None:
    async with transport(reddit.url) as source:
        await source.fetch(ABOUT)
        threads = set(source._threads._threads)
        assert threads
    assert not any(thread.is_alive() for thread in threads)


# what the answer becomes


async def test_escaping_is_undone_once_and_only_where_it_is(reddit: ScriptedReddit, source: Praw) -> None:
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
    reddit: ScriptedReddit, source: Praw, header: str, span: tuple[int, int] | None
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


async def test_our_parts_stand_in_the_seams(reddit: ScriptedReddit, source: Praw) -> None:
    await source.fetch(ABOUT)
    (instance,) = source._idle
    core: Any = instance._core
    assert type(core._rate_limiter).__name__ == "_NoSleep"
    assert core._retry_strategy_class().should_retry_on_failure() is False
    assert core.requestor._http is instance.http
    assert core.requestor.timeout == 20.0
    assert instance.http.trust_env is False
