"""Tokens of an issuer that answers in this process."""

import asyncio
import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.utils import base64url_encode

from reddit_mcp.auth import oauth_tokens
from reddit_mcp.auth.oauth_tokens import (
    TRUST_SECONDS,
    OAuthTokens,
    caller_id,
    challenge,
    is_token,
    metadata_routes,
    open_tokens,
)
from reddit_mcp.settings import Settings
from tests.support.oauth_issuer import AUDIENCE, STRANGER, FakeIssuer
from tests.support.token_issuer import House
from tests.support.token_issuer import house as house  # noqa: PLC0414 - fixtures


@pytest.mark.parametrize("kid", ["r1", "e1"])
async def test_a_good_token_is_its_subject_s(house: House, kid: str) -> None:
    caller = await house.tokens.verify(house.issuer.token(kid))
    assert caller
    assert (caller.id, caller.tier, caller.role) == (caller_id(house.issuer.url, "ada"), "free", "user")
    other = await house.tokens.verify(house.issuer.token(kid, sub="bob"))
    assert other
    assert other.id != caller.id


async def test_one_of_several_audiences_is_enough(house: House) -> None:
    assert await house.tokens.verify(house.issuer.token(aud=["https://other.example", AUDIENCE]))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"exp": None},
        {"nbf": 2**40},
        {"iat": 2**40},
        {"aud": "https://other.example/mcp"},
        {"aud": None},
        {"iss": "https://other.example"},
        {"iss": None},
        {"sub": None},
        {"exp": "soon"},
        {"exp": []},
        {"aud": 7},
    ],
    ids=str,
)
async def test_wrong_claims_are_refused_before_anybody_is_asked(house: House, claims: dict[str, Any]) -> None:
    assert await house.tokens.verify(house.issuer.token(**claims)) is None
    assert house.issuer.asked == []


def unsigned(issuer: FakeIssuer, **header: Any) -> str:
    claims = issuer.token().split(".")[1]
    return ".".join([base64url_encode(json.dumps({"typ": "JWT", "kid": "r1", **header}).encode()).decode(), claims, ""])


async def test_a_token_without_a_signature_is_refused(house: House) -> None:
    for algorithm in ("none", "None", "", None, "RS256", "HS256", ["RS256"]):
        assert await house.tokens.verify(unsigned(house.issuer, alg=algorithm)) is None


async def test_the_public_key_is_no_shared_secret(house: House) -> None:
    """The old attack: HS256 with what everybody can read."""
    public = house.issuer.keys["r1"][0].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    import hashlib
    import hmac

    header, claims = unsigned(house.issuer, alg="HS256").split(".")[:2]
    mac = hmac.digest(pem, f"{header}.{claims}".encode(), hashlib.sha256)
    assert await house.tokens.verify(f"{header}.{claims}.{base64url_encode(mac).decode()}") is None


async def test_another_s_signature_another_algorithm_and_a_changed_claim_are_refused(house: House) -> None:
    good = house.issuer.token()
    header, claims, signature = good.split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"sub": "root"}
    forged = ".".join([header, base64url_encode(json.dumps(changed).encode()).decode(), signature])
    strange = house.issuer.token(key=STRANGER)
    swapped = house.issuer.token("e1", key=house.issuer.keys["r1"][0])  # RS256 under the name of an EC key
    other = house.issuer.token(algorithm="PS256")
    for token in (forged, strange, swapped, other, good + "x", good[:-8], "ey.a.b", "ey" + "x" * 9000 + ".a.b"):
        assert await house.tokens.verify(token) is None
    assert await house.tokens.verify(good)


async def test_a_verified_token_is_known_until_it_expires(house: House) -> None:
    token, brief = house.issuer.token(), house.issuer.token(exp=int(house.clock.now) + 100)
    assert house.tokens.known(token) is None
    for each in (token, brief):
        assert house.tokens.known(each) is None
        assert await house.tokens.verify(each) == house.tokens.known(each)
    house.clock.now += 101
    assert (house.tokens.known(brief), house.tokens.known(token) is None) == (None, False)
    house.clock.now += TRUST_SECONDS
    assert house.tokens.known(token) is None


async def test_tokens_are_forgotten_before_they_fill_the_memory(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth_tokens, "MOST_TOKENS", 2)
    tokens = [house.issuer.token(sub=name) for name in "abc"]
    for token in tokens:
        await house.tokens.verify(token)
    assert [house.tokens.known(token) is not None for token in tokens] == [False, True, True]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "iss", "aud", "sub", "exp", "nbf", "iat", "jti"])
PARTS = st.dictionaries(NAMES, JSON, max_size=8)


@given(PARTS, PARTS, st.binary(max_size=40))
@settings(deadline=None)
def test_no_token_of_a_stranger_is_a_bug_of_ours(
    header: dict[str, Any], claims: dict[str, Any], signature: bytes
) -> None:
    async def look() -> None:
        house = House()
        good = {"iss": house.issuer.url, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 60}
        parts = [{"alg": "RS256", "kid": "r1", **header}, {**good, **claims}]
        encoded = [base64url_encode(json.dumps(part).encode()).decode() for part in parts]
        async with house.http:
            assert await house.tokens.verify(".".join([*encoded, base64url_encode(signature).decode()])) is None

    asyncio.run(look())


@given(st.text(max_size=60))
def test_no_key_of_ours_looks_like_a_token(text: str) -> None:
    assert not is_token("rmcp_" + text)


def test_a_token_looks_like_one() -> None:
    assert is_token(FakeIssuer().token())


def _settings(**facts: Any) -> Settings:
    return Settings(_env_file=None, **facts)


async def test_without_an_issuer_nothing_is_advertised() -> None:
    assert metadata_routes(_settings()) == []
    assert "resource_metadata" not in challenge(_settings())
    async with open_tokens(_settings()) as tokens:
        assert tokens is None


async def test_with_an_issuer_its_metadata_are_where_the_challenge_says() -> None:
    both = _settings(oauth_issuer_url="https://issuer.example", oauth_audience="https://reddit.example/team/mcp")
    where = "https://reddit.example/.well-known/oauth-protected-resource/team/mcp"
    assert f'resource_metadata="{where}"' in challenge(both)
    paths = {route.path for route in metadata_routes(both)}
    assert paths == {httpx.URL(where).path, oauth_tokens.WELL_KNOWN, oauth_tokens.WELL_KNOWN + "/mcp"}
    async with open_tokens(both) as tokens:
        assert isinstance(tokens, OAuthTokens)


@pytest.mark.parametrize(
    "facts",
    [
        {"oauth_issuer_url": "https://issuer.example"},
        {"oauth_audience": AUDIENCE},
        {"oauth_issuer_url": "http://issuer.example", "oauth_audience": AUDIENCE},
        {"oauth_issuer_url": "https://issuer.example", "oauth_audience": "reddit"},
    ],
)
def test_half_a_setting_is_none(facts: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"OAUTH|https"):
        _settings(**facts)


def test_the_library_knows_what_we_ask_it_to_check() -> None:
    assert set(oauth_tokens.CHECKS) <= set(jwt.types.Options.__annotations__)
