"""An issuer's keys: fetched, kept, renewed, and the issuers that cannot be understood."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from reddit_mcp.auth import issuer_keys
from reddit_mcp.auth.issuer_keys import FRESH_SECONDS, OUTAGE_SECONDS, PAUSE_SECONDS, RETRY_SECONDS, IssuerKeys
from reddit_mcp.errors import Unavailable
from tests.support.oauth_issuer import STRANGER
from tests.support.token_issuer import House, unread
from tests.support.token_issuer import house as house  # noqa: PLC0414 - fixtures


async def test_keys_are_fetched_once_for_all(house: House) -> None:
    callers = await asyncio.gather(*(house.tokens.verify(house.issuer.token(sub=name)) for name in "abcdef"))
    assert all(callers)
    assert house.fetches == 1


async def test_a_new_key_is_found_and_invented_ones_are_not_asked_for_again(house: House) -> None:
    old = house.issuer.token()
    assert await house.tokens.verify(old)
    house.issuer.keys = {"r2": (STRANGER, "RS256")}
    new = house.issuer.token("r2")
    assert await house.tokens.verify(new) is None  # the issuer was asked just now
    assert house.fetches == 1
    house.clock.now += PAUSE_SECONDS
    assert await house.tokens.verify(new)
    assert house.fetches == 2
    for number in range(50):
        assert await house.tokens.verify(house.issuer.token(f"invented{number}", key=STRANGER)) is None
    assert house.fetches == 2
    assert await house.tokens.verify(old) is None  # the issuer has withdrawn it


async def test_a_withdrawn_key_is_refused_when_the_keys_are_old(house: House) -> None:
    await house.tokens.verify(house.issuer.token())
    token = house.issuer.token(sub="bob")
    house.issuer.keys = {"r2": (STRANGER, "RS256")}
    house.clock.now += FRESH_SECONDS - 1
    assert await house.keys.find("r1")
    house.clock.now += 1
    assert await house.keys.find("r1") is None
    assert await house.tokens.verify(token) is None


async def test_with_the_issuer_away_known_keys_work_and_unknown_ones_wait(house: House) -> None:
    assert await house.keys.find("r1")
    house.issuer.status = 500
    house.clock.now += FRESH_SECONDS
    assert await house.keys.find("r1")
    with pytest.raises(Unavailable) as caught:
        await house.keys.find("r2")
    assert caught.value.data == {
        "service": "oauth_issuer",
        "reason": "issuer_away",
        "retry_after_seconds": RETRY_SECONDS,
    }
    asked = len(house.issuer.asked)
    with pytest.raises(Unavailable):
        await house.keys.find("r2")
    assert len(house.issuer.asked) == asked  # it is left in peace for a while
    house.clock.now += OUTAGE_SECONDS
    with pytest.raises(Unavailable):
        await house.keys.find("r1")
    house.issuer.status = 200
    house.clock.now += RETRY_SECONDS
    assert await house.keys.find("r1")


def answering(content: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: (
        httpx.Response(200, json={"issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/keys"})
        if "well-known" in request.url.path
        else httpx.Response(200, content=content if isinstance(content, bytes) else json.dumps(content).encode())
    )


def _metadata(**facts: Any) -> Callable[[httpx.Request], httpx.Response]:
    usual = {"issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/keys"}
    return lambda _: httpx.Response(200, json={**usual, **facts})


def _refused(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    "answer",
    [
        _refused,
        lambda _: httpx.Response(200, content=b"<html>"),
        lambda _: httpx.Response(200, json=[]),
        lambda _: httpx.Response(200, json={}),
        lambda _: httpx.Response(302, headers={"location": "https://evil.example"}),
        _metadata(issuer="https://evil.example"),
        _metadata(jwks_uri="http://issuer.example/keys"),
        _metadata(jwks_uri="file:///etc/passwd"),
        _metadata(jwks_uri=None),
        answering([]),
        answering({"keys": 7}),
        answering(b'"' + b"x" * issuer_keys.LARGEST_ANSWER + b'"'),
    ],
)
async def test_an_issuer_that_answers_nonsense_is_away(house: House, answer: Any) -> None:
    house.answer = answer
    with pytest.raises(Unavailable):
        await house.keys.find("r1")


async def test_a_slow_issuer_is_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_keys, "FETCH_SECONDS", 0.05)

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(never)) as http:
        with pytest.raises(Unavailable):
            await IssuerKeys(house.issuer.url, http).find("r1")


async def test_keys_of_other_kinds_are_passed_over(house: House) -> None:
    good = house.issuer.jwks()
    others: list[Any] = [
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256"},
        {**good[0], "kid": "enc", "use": "enc"},
        {**good[0], "kid": "ps", "alg": "PS256"},
        {"kty": "RSA", "kid": "half"},
        {"kid": "nothing"},
        "text",
        None,
    ]
    house.answer = answering({"keys": [*others, *good]})
    for name in ("shared", "enc", "ps", "half", "nothing"):
        assert await house.keys.find(name) is None
    assert await house.keys.find("e1")


async def test_an_issuer_without_openid_is_found_by_oauth_s_own_path() -> None:
    asked = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/.well-known/oauth-authorization-server/tenant":
            return _metadata(issuer="https://issuer.example/tenant")(request)
        return httpx.Response(200, json={"keys": []}) if request.url.path == "/keys" else httpx.Response(404)

    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda request: unread(respond(request)))) as http:
        assert await IssuerKeys("https://issuer.example/tenant", http).find("r1") is None
    assert asked == [
        "/tenant/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenant",
        "/keys",
    ]
