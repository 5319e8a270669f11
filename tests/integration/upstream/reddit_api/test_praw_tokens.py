"""PRAW as the transport: tokens that end, are refused or never come, and Reddit's own limit."""

import contextlib

import pytest

from reddit_mcp.errors import Failure, RateLimited, Unavailable, UpstreamError
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport
from tests.support.praw_transport import ABOUT, HTML, always, failure_of
from tests.support.praw_transport import reddit as reddit  # noqa: PLC0414 - fixtures
from tests.support.praw_transport import source as source  # noqa: PLC0414
from tests.support.reddit_shapes import t5
from tests.support.scripted_reddit import Reply, ScriptedReddit, token

# tokens


@pytest.mark.parametrize(
    "refused", [Reply(401, {"message": "Unauthorized", "error": 401}), Reply(401, HTML), Reply(401)], ids=str
)
async def test_an_ended_token_is_renewed_and_the_request_repeated_once(
    reddit: ScriptedReddit, source: PrawTransport, refused: Reply
) -> None:
    reddit.answer = always(refused, Reply(body=t5()))
    answer = await source.fetch(ABOUT)
    assert answer.calls == 2
    assert [request.headers["authorization"] for request in reddit.requests] == ["bearer token-1", "bearer token-2"]
    assert (await source.fetch(ABOUT)).calls == 1
    assert reddit.tokens == 2


@pytest.mark.parametrize("headers", [{}, {"www-authenticate": 'Bearer realm="reddit", error="invalid_token"'}])
async def test_401_twice_is_about_credentials(
    reddit: ScriptedReddit, source: PrawTransport, headers: dict[str, str]
) -> None:
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
    reddit: ScriptedReddit, source: PrawTransport, reply: Reply, kind: type[Failure]
) -> None:
    reddit.token = always(reply)
    assert type(await failure_of(source)) is kind
    assert (reddit.tokens, len(reddit.requests)) == (1, 0)
    reddit.token = token
    assert (await source.fetch(ABOUT)).value.name == "kettles"


async def test_sign_in(reddit: ScriptedReddit, source: PrawTransport) -> None:
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
    reddit: ScriptedReddit, source: PrawTransport, headers: dict[str, str], remaining: int | None
) -> None:
    reddit.answer = always(Reply(body=t5(), headers=headers))
    await source.fetch(ABOUT)
    assert source.budget.remaining == remaining
    assert (await source.fetch(ABOUT)).calls == 1


@pytest.mark.parametrize("spent", [Reply(200, t5()), Reply(404, {"error": 404}), Reply(429, HTML)], ids=str)
async def test_a_used_up_budget_refuses_at_once_and_names_the_wait(
    reddit: ScriptedReddit, source: PrawTransport, spent: Reply
) -> None:
    headers = {"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "300"}
    reddit.answer = always(Reply(spent.status, spent.body, headers))
    with contextlib.suppress(Failure):
        await source.fetch(ABOUT)
    failure = await failure_of(source)
    assert isinstance(failure, RateLimited)
    assert failure.data["limit_type"] == "reddit_api"
    assert 200 <= failure.data["retry_after_seconds"] <= 300
    assert str(failure.data["retry_after_seconds"]) in str(failure)
    assert len(reddit.requests) == 1


async def test_429(reddit: ScriptedReddit, source: PrawTransport) -> None:
    reddit.answer = always(Reply(429, HTML, {"retry-after": "17"}))
    failure = await failure_of(source)
    assert isinstance(failure, RateLimited)
    assert failure.data["retry_after_seconds"] == 17
    assert len(reddit.requests) == 1
