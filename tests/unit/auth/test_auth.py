"""The gate and its middleware over a store in process; real sockets are in the integration tests."""

import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fakeredis import FakeServer
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reddit_mcp.auth.authentication import Authentication, Authenticator, operator_only
from reddit_mcp.auth.failed_lookups import CAPACITY, SECONDS_EACH
from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage.api_keys.key_store import DAY, KeyStore
from reddit_mcp.storage.api_keys.keyring import Keyring
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets
from reddit_mcp.storage.redis import connection
from reddit_mcp.storage.redis.pubsub import PubSub
from tests.support.redis_store import fake_store

SECRETS = MasterSecrets([os.urandom(32)])


class House:
    """An app behind a gate, and its keys."""

    def __init__(self, keys: KeyStore, ring: Keyring) -> None:
        self.keys = keys
        self.ring = ring
        self.gate: Authenticator | None = None

    def open(self, **settings: Any) -> None:
        self.gate = Authenticator(Settings(_env_file=None, **settings), SECRETS, self.ring)

    def client(self, address: str = "192.0.2.1") -> httpx.AsyncClient:
        app = Starlette(
            routes=[Route(path, _who) for path in ("/mcp", "/", "/privacy", "/health/live", "/.well-known/x")]
            + [Route("/stats", operator_only(_who))],
            middleware=[Middleware(Authentication, gate=lambda: self.gate)],
        )
        return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://t")

    async def get(self, path: str = "/mcp", address: str = "192.0.2.1", **headers: str) -> httpx.Response:
        async with self.client(address) as http:
            return await http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def _who(request: Request) -> Response:
    caller, user = request.scope.get("caller"), request.scope.get("user")
    return JSONResponse({"caller": caller and caller.model_dump(), "principal": user and user.username})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setattr(connection, "AWAY_SECONDS", 0.0)
    return FakeServer()


@pytest.fixture
async def house(server: FakeServer) -> AsyncIterator[House]:
    async with fake_store(server) as store:
        keys = KeyStore(store, SECRETS)
        house = House(keys, Keyring(keys, PubSub(store)))
        house.open(auth_mode="api_key")
        yield house


async def a_key(house: House, **facts: Any) -> str:
    return (await house.keys.create("ada", "laptop", "pro", **facts)).key


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer {key}"},
        {"authorization": "bearer   {key} "},
        {"x_api_key": "{key}"},
        {"x_api_key": "{key}", "authorization": "Bearer {key}"},
        {"x_api_key": "{key}", "authorization": "Basic YTpi"},  # a proxy's own
    ],
)
async def test_a_key_opens_in_either_header(house: House, headers: dict[str, str]) -> None:
    key = await a_key(house)
    answer = await house.get(**{name: value.format(key=key) for name, value in headers.items()})
    assert answer.status_code == 200
    caller = answer.json()["caller"]
    assert (caller["id"], caller["tier"], caller["role"], caller["notice"]) == ("ada", "pro", "user", None)
    assert caller["key_id"] == (await house.keys.list())[0].id
    assert answer.json()["principal"] == "ada"
    assert "x-api-key-expires" not in answer.headers


def faceless(answer: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    return answer.status_code, answer.json(), dict(answer.headers)


async def test_what_does_not_work_looks_the_same_to_strangers(house: House) -> None:
    keys = [(await house.keys.create("ada", "n", "pro")) for _ in range(3)]
    await house.keys.revoke(keys[0].record.id)
    await house.get(x_api_key=keys[1].key)  # one that was known here
    await house.keys.revoke(keys[1].record.id)
    house.ring._heard(keys[1].record.id)
    answers = [
        await house.get(),
        await house.get(x_api_key="wrong"),
        await house.get(authorization="Bearer"),
        await house.get(authorization="Bearer "),
        await house.get(authorization="Basic YTpi"),
        await house.get(x_api_key=keys[0].key),
        await house.get(x_api_key=keys[1].key),
        await house.get(x_api_key=keys[2].key, authorization=f"Bearer {keys[0].key}"),
    ]
    assert all(faceless(answer) == faceless(answers[0]) for answer in answers)
    status, body, headers = faceless(answers[0])
    assert status == 401
    assert headers["www-authenticate"] == 'Bearer realm="reddit-mcp", error="invalid_token"'
    assert (body["jsonrpc"], body["id"], body["error"]["code"]) == ("2.0", None, -32001)
    assert "Authorization: Bearer" in body["error"]["message"]
    assert "X-API-Key" in body["error"]["message"]


async def test_an_expired_key_looks_as_any_wrong_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await a_key(house, days=1)
    assert (await house.get(x_api_key=key)).status_code == 200
    late = house.keys.clock() + DAY
    monkeypatch.setattr(house.keys, "clock", lambda: late)
    assert faceless(await house.get(x_api_key=key)) == faceless(await house.get(x_api_key="wrong"))


@pytest.mark.parametrize("path", ["/", "/privacy", "/health/live", "/.well-known/x"])
async def test_some_pages_are_open_to_all(house: House, path: str) -> None:
    answer = await house.get(path, x_api_key="wrong")
    assert answer.json() == {"caller": None, "principal": None}


async def test_before_it_is_open_nobody_comes_in(house: House) -> None:
    house.gate = None
    answer = await house.get(x_api_key=await a_key(house))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_other_things_than_requests_pass(house: House) -> None:
    passed: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        passed.append(scope)

    await Authentication(app, lambda: None)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert passed == [{"type": "lifespan"}]


async def test_the_end_of_a_key_is_announced(house: House) -> None:
    soon, later = await a_key(house, days=13), await a_key(house, days=15)
    for key, word in ((soon, "expires at"), (later, None)):
        answer = await house.get(x_api_key=key)
        end, notice = answer.headers["x-api-key-expires"], answer.json()["caller"]["notice"]
        assert end.endswith("Z")
        assert notice is None if word is None else f"{word} {end}" in notice


async def test_a_rotated_key_s_holder_hears_of_it(house: House) -> None:
    issued = await house.keys.create("ada", "n", "pro")
    (rotation,) = await house.keys.rotate(issued.record.id)
    answer = await house.get(x_api_key=issued.key)
    assert f"stops working at {answer.headers['x-api-key-expires']}" in answer.json()["caller"]["notice"]
    assert (await house.get(x_api_key=rotation.new.key)).json()["caller"]["notice"] is None


async def test_strangers_are_served_where_the_operator_allows_it(house: House) -> None:
    house.open(auth_mode="api_key", allow_anonymous=True)
    callers = [(await house.get(address=address)).json() for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2")]
    ids = [each["caller"]["id"] for each in callers]
    assert ids[0] == ids[1] != ids[2]
    assert callers[0]["principal"] == ids[0]
    assert callers[0]["caller"] | {"id": ""} == {
        "id": "", "tier": "anonymous", "role": "user", "key_id": "", "notice": None, "shared": False,
    }  # fmt: skip
    assert (await house.get(x_api_key="wrong")).status_code == 401
    assert (await house.get("/stats")).status_code == 403


async def test_without_keys_everybody_on_loopback_is_the_local_operator(house: House) -> None:
    house.open(auth_mode="none")
    answer = await house.get("/stats", authorization="Bearer whatever")
    assert answer.json()["caller"]["id"] == "local"


async def test_without_keys_others_are_served_on_the_operator_s_word_alone(house: House) -> None:
    with pytest.raises(Unavailable, match=r"serve everybody on 0\.0\.0\.0: set AUTH_MODE=api_key, or ALLOW_ANONYMOUS"):
        house.open(auth_mode="none", mcp_server_host="0.0.0.0")
    house.open(auth_mode="none", mcp_server_host="0.0.0.0", allow_anonymous=True)
    caller = (await house.get("/stats")).json()["caller"]
    assert (caller["id"][:10], caller["tier"]) == ("anonymous:", "anonymous")


async def test_forwarded_addresses_count_from_trusted_proxies_alone(house: House) -> None:
    house.open(auth_mode="api_key", allow_anonymous=True, trusted_proxies="192.0.2.0/24")
    direct = (await house.get(address="198.51.100.1")).json()["caller"]["id"]
    assert (await house.get(x_forwarded_for="198.51.100.1")).json()["caller"]["id"] == direct
    spoofed = await house.get(address="198.51.100.2", x_forwarded_for="198.51.100.1")
    assert spoofed.json()["caller"]["id"] != direct


async def test_an_operator_s_page_wants_an_operator_s_key(house: House) -> None:
    user, operator = await a_key(house), await a_key(house, role="operator")
    assert (await house.get("/stats")).status_code == 401
    refused = await house.get("/stats", x_api_key=user)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, -32002)
    assert (await house.get("/stats", x_api_key=operator)).status_code == 200


async def test_while_redis_is_away_known_keys_work_and_unknown_ones_wait(house: House, server: FakeServer) -> None:
    known, operator, unknown = await a_key(house), await a_key(house, role="operator"), await a_key(house)
    for key in (known, operator):
        await house.get(x_api_key=key)
    house.ring._heard(None)
    server.connected = False
    assert (await house.get(x_api_key=known)).status_code == 200
    for key in (unknown, "wrong"):
        answer = await house.get(x_api_key=key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, -32005)
        assert int(answer.headers["retry-after"]) >= 0
    assert (await house.get("/stats", x_api_key=operator)).status_code == 503  # fails closed
    server.connected = True
    assert (await house.get("/stats", x_api_key=operator)).status_code == 200


async def test_failed_look_ups_empty_an_address_s_bucket(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    known, unseen = await a_key(house), await a_key(house)
    await house.get(x_api_key=known)
    answers = [await house.get(x_api_key=f"wrong{number}") for number in range(CAPACITY + 5)]
    assert [answer.status_code for answer in answers] == [401] * CAPACITY + [429] * 5
    assert answers[-1].headers["retry-after"] == str(round(SECONDS_EACH))
    looked_up: list[str] = []
    monkeypatch.setattr(house.keys, "find", looked_up.append)
    assert (await house.get(x_api_key=unseen)).status_code == 429
    assert looked_up == []
    assert (await house.get(x_api_key=known)).status_code == 200
    assert (await house.get()).status_code == 401  # without a key there is nothing to look up
    monkeypatch.undo()
    assert (await house.get(x_api_key=unseen, address="192.0.2.9")).status_code == 200


async def test_an_outage_spends_nothing(house: House, server: FakeServer) -> None:
    key = await a_key(house)
    server.connected = False
    for _ in range(CAPACITY + 5):
        assert (await house.get(x_api_key="wrong")).status_code == 503
    server.connected = True
    assert (await house.get(x_api_key=key)).status_code == 200
