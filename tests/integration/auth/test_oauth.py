"""A server that takes an OAuth issuer's tokens beside keys, over real HTTP, with an issuer on loopback."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.support.asgi_requests import JSON
from tests.support.keyed_servers import House
from tests.support.oauth_issuer import AUDIENCE, STRANGER, FakeIssuer
from tests.support.patience import PATIENCE_SECONDS
from tests.support.server_process import server

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
METADATA = "/.well-known/oauth-protected-resource/mcp"


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    issuer = FakeIssuer()
    with issuer.serving():
        yield issuer


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, issuer: FakeIssuer) -> House:
    settings = {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": secrets.token_hex(32)}
    oauth = {"OAUTH_ISSUER_URL": issuer.url, "OAUTH_AUDIENCE": AUDIENCE}
    return House(tmp_path_factory.mktemp("data"), {**settings, **oauth})


@pytest.fixture(scope="module")
def url(house: House) -> Iterator[str]:
    with server(house.data_dir, **house.settings) as address:
        yield address


def ping(url: str, credential: str) -> httpx.Response:
    return httpx.post(
        url + "/mcp", json=PING, headers={**JSON, "authorization": f"Bearer {credential}"}, timeout=PATIENCE_SECONDS
    )


@pytest.mark.parametrize("kid", ["r1", "e1"])
def test_a_token_of_the_issuer_lets_its_subject_in(url: str, issuer: FakeIssuer, kid: str) -> None:
    token = issuer.token(kid)
    assert [ping(url, token).status_code for _ in range(2)] == [200, 200]
    usage = httpx.get(url + "/usage", headers={"authorization": f"Bearer {token}"}).json()
    assert usage["user"].startswith("oauth:")
    assert usage["tier"] == "free"


async def test_an_mcp_client_calls_tools_with_a_token(url: str, issuer: FakeIssuer) -> None:
    headers = {"authorization": f"Bearer {issuer.token()}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS) as http,
        Client(streamable_http_client(url + "/mcp", http_client=http)) as client,
    ):
        answer = await client.call_tool("get_subreddit_posts", {"subreddit": "all", "limit": 1})
    assert not answer.is_error
    assert answer.structured_content
    assert answer.structured_content["metadata"]["rate_limit_remaining"] is not None


def test_keys_work_beside_tokens(house: House, url: str) -> None:
    assert ping(url, house.create("ada")["key"]).status_code == 200


def test_a_token_that_is_not_good_is_refused_and_told_where_to_sign_in(url: str, issuer: FakeIssuer) -> None:
    wrong = (
        issuer.token(exp=1),
        issuer.token(aud="https://other.example"),
        issuer.token(key=STRANGER),
        issuer.token()[:-6],
        "rmcp_wrong",
    )
    for credential in wrong:
        answer = ping(url, credential)
        assert (answer.status_code, answer.json()["error"]["data"]["category"]) == (401, "authentication")
        assert f'resource_metadata="https://reddit.example{METADATA}"' in answer.headers["www-authenticate"]


def test_the_metadata_name_the_issuer(url: str, issuer: FakeIssuer) -> None:
    for path in (METADATA, METADATA.removesuffix("/mcp")):
        found = httpx.get(url + path).json()
        assert (found["resource"], found["authorization_servers"]) == (AUDIENCE, [issuer.url])


def test_with_the_issuer_away_a_token_is_never_in_and_never_wrong(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    with issuer.serving():
        settings = {"OAUTH_ISSUER_URL": issuer.url, "OAUTH_AUDIENCE": AUDIENCE}
        token = issuer.token()
    with server(tmp_path, AUTH_MODE="api_key", MCP_MASTER_KEY=secrets.token_hex(32), **settings) as url:
        answer = ping(url, token)
        assert (answer.status_code, answer.json()["error"]["data"]["reason"]) == (503, "issuer_away")
        assert int(answer.headers["retry-after"]) >= 1
        assert ping(url, issuer.token(exp=1)).status_code == 401
