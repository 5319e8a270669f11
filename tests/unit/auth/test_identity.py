"""Who a caller is on Apify, and what the settings make of the platform's environment."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from reddit_mcp.actor.run_identity import account
from reddit_mcp.auth.authentication import Authentication, Authenticator
from reddit_mcp.errors import Unavailable
from reddit_mcp.http.middleware.gateway_headers import GatewayHeaders
from reddit_mcp.metering.concurrency_limit import CALLS_PER_CALLER, ConcurrencyLimit
from reddit_mcp.models import Caller
from reddit_mcp.settings import Settings
from reddit_mcp.storage.api_keys.key_store import KeyStore
from reddit_mcp.storage.api_keys.keyring import Keyring
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets
from reddit_mcp.storage.redis.pubsub import PubSub
from tests.support.quotas import House
from tests.support.redis_store import fake_store

AT_HOME = {
    "APIFY_IS_AT_HOME": "1",
    "APIFY_USER_ID": "u1",
    "ACTOR_RUN_ID": "r1",
    "ACTOR_WEB_SERVER_PORT": "4999",
    "ACTOR_STANDBY_URL": "https://owner--reddit-mcp-server.apify.actor",
    "ACTOR_WEB_SERVER_URL": "https://abc.runs.apify.net",
}


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings of a run on the platform; arguments are environment variables on top."""

    def settings(**variables: str) -> Settings:
        for name, value in {**AT_HOME, **variables}.items():
            monkeypatch.setenv(name, value)
        return Settings(_env_file=None)

    return settings


def test_a_run_listens_where_the_platform_says_and_by_its_names(at_home: Any) -> None:
    settings = at_home(MCP_ALLOWED_HOSTS="*.apify.actor")
    assert (settings.mcp_server_host, settings.mcp_server_port) == ("0.0.0.0", 4999)
    assert settings.authentication == "apify"
    assert settings.allowed_hosts == ("*.apify.actor", "owner--reddit-mcp-server.apify.actor", "abc.runs.apify.net")


def test_what_the_operator_sets_holds_over_the_platform(at_home: Any) -> None:
    settings = at_home(MCP_SERVER_PORT="5000", MCP_SERVER_HOST="127.0.0.1", AUTH_MODE="api_key")
    assert (settings.mcp_server_host, settings.mcp_server_port) == ("127.0.0.1", 5000)
    assert settings.authentication == "api_key"


def test_elsewhere_the_platform_s_variables_mean_nothing(at_home: Any) -> None:
    settings = at_home(APIFY_IS_AT_HOME="")
    assert (settings.mcp_server_host, settings.mcp_server_port) == ("127.0.0.1", 8080)
    assert settings.allowed_hosts == ()
    assert settings.authentication == "none"


@pytest.mark.parametrize(
    ("variables", "durable", "share"),
    [
        ({}, False, 10),
        ({"APIFY_MAX_RUNS": "3"}, False, 33),
        ({"APIFY_MAX_RUNS": "500"}, False, 1),
        ({"REDIS_URL": "redis://h"}, True, 100),
        ({"APIFY_IS_AT_HOME": ""}, True, 100),
    ],
    ids=["ten runs", "three runs", "more runs than requests", "shared store", "elsewhere"],
)
def test_runs_without_a_shared_store_divide_reddit_s_budget(
    at_home: Any, variables: Mapping[str, str], durable: bool, share: int
) -> None:
    settings = at_home(**variables)
    assert (settings.durable, settings.reddit_share) == (durable, share)


@pytest.mark.parametrize(
    ("variables", "caller"),
    [
        ({}, Caller(id="apify:u1", tier="free")),
        ({"APIFY_USER_IS_PAYING": "1"}, Caller(id="apify:u1", tier="pro")),
        (
            {"APIFY_TENANCY": "multi", "APIFY_USER_IS_PAYING": "1"},
            Caller(id="apify-run:r1", tier="business", shared=True),
        ),
    ],
    ids=["free", "paying", "many accounts"],
)
def test_the_account_of_a_run(at_home: Any, variables: Mapping[str, str], caller: Caller) -> None:
    assert account(at_home(**variables)) == caller


@pytest.mark.parametrize(
    ("tenancy", "missing"), [("single", "APIFY_USER_ID"), ("multi", "ACTOR_RUN_ID")], ids=["single", "multi"]
)
def test_a_run_without_a_name_is_refused(at_home: Any, tenancy: str, missing: str) -> None:
    with pytest.raises(Unavailable, match=missing):
        account(at_home(**{"APIFY_TENANCY": tenancy, missing: ""}))


def test_one_caller_that_stands_for_many_has_all_places() -> None:
    places = ConcurrencyLimit(CALLS_PER_CALLER + 2)
    many = Caller(id="apify-run:r1", tier="business", shared=True)
    held = [places.place(many) for _ in range(CALLS_PER_CALLER + 1)]
    for place in held:
        place.__enter__()
    assert places.is_busy(many.id)
    for place in held:
        place.__exit__(None, None, None)
    assert not places.is_busy(many.id)


async def test_nothing_is_kept_for_one_that_stands_for_many() -> None:
    async with fake_store() as store:
        many = Caller(id="apify-run:r1", tier="business", shared=True)
        answer = await House(store).call(many, "watch_keywords", action="create", keywords=["lua"])
    assert answer["error"]["type"] == "forbidden"


class Apify:
    """A gate on Apify behind which everything that arrives is shown."""

    def __init__(self, settings: Settings, keys: KeyStore, ring: Keyring, secrets: MasterSecrets) -> None:
        self.keys = keys
        gate = Authenticator(settings, secrets, ring, account(settings))
        self._app = Starlette(
            routes=[Route("/mcp", _shown)],
            middleware=[Middleware(GatewayHeaders), Middleware(Authentication, gate=lambda: gate)],
        )

    async def get(self, query: str = "", **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://t") as http:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await http.get(f"/mcp{query}", headers=named)


async def _shown(request: Request) -> JSONResponse:
    scope = request.scope
    caller = scope["caller"].model_dump()
    return JSONResponse({"caller": caller, "headers": dict(request.headers), "query": scope["query_string"].decode()})


@pytest.fixture
async def apify(at_home: Any) -> Any:
    secrets = MasterSecrets([bytes(range(32))])
    async with fake_store() as store:
        keys = KeyStore(store, secrets)
        yield Apify(at_home(), keys, Keyring(keys, PubSub(store)), secrets)


async def test_without_a_key_the_account_calls(apify: Apify) -> None:
    caller = (await apify.get()).json()["caller"]
    assert (caller["id"], caller["tier"], caller["role"]) == ("apify:u1", "free", "user")


async def test_a_valid_key_decides_who_calls_in_which_tier(apify: Apify) -> None:
    key = (await apify.keys.create("ada", "laptop", "business")).key
    caller = (await apify.get(x_api_key=key)).json()["caller"]
    assert (caller["id"], caller["tier"]) == ("ada", "business")


async def test_a_key_that_is_not_valid_is_refused(apify: Apify) -> None:
    answer = await apify.get(x_api_key="rmcp_nobody")
    assert answer.status_code == 401
    assert "X-API-Key" in answer.json()["error"]["message"]


async def test_the_gateway_s_secrets_never_arrive(apify: Apify) -> None:
    key = (await apify.keys.create("ada", "laptop", "business")).key
    answer = await apify.get(
        f"?a=1&token={key}&Token={key}&b=%20%C3%A9&token2=x",
        authorization=f"Bearer {key}",
        proxy_authorization=f"Bearer {key}",
        cookie=f"token={key}",
    )
    assert answer.json()["caller"]["id"] == "apify:u1"
    assert key not in answer.text
    assert answer.json()["query"] == "a=1&b=+%C3%A9&token2=x"


async def test_a_query_without_a_token_is_left_as_it_is(apify: Apify) -> None:
    assert (await apify.get("?a=1&&b=%20")).json()["query"] == "a=1&&b=%20"


async def test_the_account_mode_without_an_account_is_refused(at_home: Any) -> None:
    settings, secrets = at_home(APIFY_IS_AT_HOME="", AUTH_MODE="apify"), MasterSecrets([bytes(32)])
    async with fake_store() as store:
        ring = Keyring(KeyStore(store, secrets), PubSub(store))
        with pytest.raises(Unavailable, match="mcp-for-reddit actor"):
            Authenticator(settings, secrets, ring)
