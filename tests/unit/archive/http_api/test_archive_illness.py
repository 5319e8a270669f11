"""A Reddit that is ill on command: who is ill, with what, and for how long."""

import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from reddit_mcp.archive.http_api.fault_injection import TOKEN_PATH, FaultInjection
from reddit_mcp.archive.http_api.fault_responses import ANSWERS, TOKEN_ANSWERS

JSON, HTML = "application/json; charset=UTF-8", "text/html; charset=UTF-8"
OWN_LIMITS = {"x-ratelimit-used": "7", "x-ratelimit-remaining": "993.0", "x-ratelimit-reset": "500"}
HEALTHY = 299  # a status that only the healthy app has
ENDLESS = {"hang", "drip"}


class Healthy:
    """The app below, which notes what it was asked."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await JSONResponse({"kind": "Listing"}, HEALTHY, OWN_LIMITS)(scope, receive, send)


class Api:
    """A client of an ill Reddit."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str) -> httpx.Response:
        return await self._client.get(path)

    async def statuses(self, count: int, path: str = "/new") -> list[int]:
        return [(await self.get(path)).status_code for _ in range(count)]

    async def token(self) -> httpx.Response:
        return await self._client.post(TOKEN_PATH)

    async def tell(self, **command: Any) -> int:
        return (await self._client.post("/__ill", json=command)).status_code


@pytest.fixture
def healthy() -> Healthy:
    return Healthy()


@pytest.fixture
async def api(healthy: Healthy) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(app=FaultInjection(healthy))
    async with httpx.AsyncClient(transport=transport, base_url="http://reddit.test") as client:
        yield Api(client)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock of the plans, which stands still."""
    still = SimpleNamespace(now=1_000.0, time=time.time)
    still.monotonic = lambda: still.now
    monkeypatch.setattr("reddit_mcp.archive.http_api.fault_injection.time", still)
    return still


@pytest.mark.parametrize(
    ("name", "status", "kind", "facts"),
    [
        ("401", 401, JSON, {"message": "Unauthorized", "error": 401}),
        ("private", 403, JSON, {"reason": "private", "message": "Forbidden", "error": 403}),
        ("gated", 403, JSON, {"reason": "gated", "message": "Forbidden", "error": 403}),
        ("quarantined", 403, JSON, {"reason": "quarantined", "message": "Forbidden", "error": 403}),
        ("banned", 404, JSON, {"reason": "banned", "message": "Not Found", "error": 404}),
        ("missing", 302, HTML, None),
        ("blocked", 403, HTML, None),
        ("429", 429, HTML, None),
        ("429_bare", 429, HTML, None),
        ("500", 500, JSON, {"message": "Internal Server Error", "error": 500}),
        ("500_html", 500, HTML, None),
        ("502", 502, JSON, {"message": "Bad Gateway", "error": 502}),
        ("502_html", 502, HTML, None),
        ("503", 503, JSON, {"message": "Service Unavailable", "error": 503}),
        ("503_html", 503, HTML, None),
        ("html", 200, HTML, None),
        ("cut", 200, JSON, None),
    ],
)
async def test_a_reserved_community_is_ill(api: Api, name: str, status: int, kind: str, facts: Any) -> None:
    answer = await api.get(f"/r/ill_{name}/hot")
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    if facts is None:
        with pytest.raises(ValueError, match=r"Expecting value"):
            answer.json()
    else:
        assert facts.items() <= answer.json().items()


def test_every_illness_is_known_here() -> None:
    listed = test_a_reserved_community_is_ill.pytestmark[0].args[1]
    assert {each[0] for each in listed} | ENDLESS == set(ANSWERS)
    assert set(TOKEN_ANSWERS) == {"token_401", "token_invalid_grant"}
    assert all(len(f"ill_{name}") <= 20 for name in ANSWERS)  # as long as a user's name may be


async def test_headers_that_clients_go_by(api: Api) -> None:
    assert (await api.get("/r/ill_429/new")).headers["retry-after"] == "2"
    assert "retry-after" not in (await api.get("/r/ill_429_bare/new")).headers
    assert (await api.get("/r/ill_401/new")).headers["www-authenticate"].startswith("Bearer realm=")
    assert (await api.get("/r/ill_missing/new")).headers["location"] == "/subreddits/search?q=ill_missing"
    warned = (await api.get("/r/ill_gated/about")).json()
    assert warned["interstitial_warning_message"] in warned["interstitial_warning_message_html"]
    assert (await api.get("/r/ill_quarantined/about")).json()["quarantine_message"]


@pytest.mark.parametrize(
    "path",
    [
        "/r/ill_503",
        "/r/ILL_503/search",
        "/r/ill_503/about.json",
        "/r/ill_503.json",
        "/user/ill_503/about",
        "/u/ill_503/overview/",
        "/r/healthy+ill_503/hot",
    ],
)
async def test_names_are_found_in_every_path(api: Api, path: str) -> None:
    assert (await api.get(path)).status_code == 503


@pytest.mark.parametrize("path", ["/new", "/r/ill/hot", "/r/ill_/hot", "/r/ill_flu/hot", "/r/503/hot", "/x/r/ill_503/"])
async def test_others_are_healthy(api: Api, path: str) -> None:
    assert (await api.get(path)).status_code == HEALTHY


async def test_an_unknown_user_is_no_redirect(api: Api) -> None:
    assert (await api.get("/user/ill_missing/about")).status_code == 404


async def test_the_next_requests(api: Api) -> None:
    assert await api.tell(next="503", times=2) == 204
    assert await api.tell(next="500") == 204
    assert await api.statuses(4) == [503, 503, 500, HEALTHY]


async def test_every_request_for_a_while(api: Api, clock: SimpleNamespace) -> None:
    await api.tell(all="502", seconds=3)
    assert await api.statuses(2) == [502, 502]
    clock.now += 3
    assert await api.statuses(1) == [HEALTHY]


async def test_every_request_until_it_is_cleared(api: Api, clock: SimpleNamespace) -> None:
    await api.tell(all="502")
    await api.tell(next="503", times=5)
    clock.now += 1e9
    assert await api.statuses(2) == [503, 503]
    await api.tell(clear=True)
    assert await api.statuses(2) == [HEALTHY, HEALTHY]


async def test_tokens_have_their_own_illnesses(api: Api) -> None:
    await api.tell(all="503")
    assert (await api.token()).status_code == HEALTHY
    await api.tell(clear=True)
    await api.tell(next="token_401")
    await api.tell(all="token_invalid_grant")
    assert await api.statuses(2) == [HEALTHY, HEALTHY]
    assert (await api.token()).status_code == 401
    refused = await api.token()
    assert (refused.status_code, refused.json()) == (200, {"error": "invalid_grant"})


async def test_a_budget_is_enforced_for_a_minute(api: Api, clock: SimpleNamespace) -> None:
    await api.tell(budget=2)
    answers = [await api.get("/new") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [HEALTHY, HEALTHY, 429]
    limits = [[answer.headers[name] for name in OWN_LIMITS] for answer in answers]
    assert limits == [["1", "1.0", "60"], ["2", "0.0", "60"], ["2", "0.0", "60"]]
    assert all(len(answer.headers.get_list("x-ratelimit-used")) == 1 for answer in answers)
    clock.now += 59
    assert (await api.get("/new")).headers["x-ratelimit-reset"] == "1"
    clock.now += 1
    assert await api.statuses(3) == [HEALTHY, HEALTHY, 429]
    await api.tell(clear=True)
    assert (await api.get("/new")).headers["x-ratelimit-used"] == OWN_LIMITS["x-ratelimit-used"]


async def test_a_budget_counts_ill_answers_and_no_tokens(api: Api) -> None:
    await api.tell(budget=2)
    assert [(await api.token()).status_code for _ in range(3)] == [HEALTHY] * 3
    assert await api.statuses(3, "/r/ill_503/new") == [503, 503, 429]


async def test_what_was_asked_can_be_read(api: Api, healthy: Healthy) -> None:
    before = time.time()
    await api.statuses(2, "/r/ill_503/new?limit=5")
    await api.token()
    await api.get("/top")
    seen = (await api.get("/__ill/seen")).json()["requests"]
    assert [(each["method"], each["path"]) for each in seen] == [
        ("GET", "/r/ill_503/new"),
        ("GET", "/r/ill_503/new"),
        ("POST", TOKEN_PATH),
        ("GET", "/top"),
    ]
    times = [each["at"] for each in seen]
    assert before <= times[0] <= times[-1] <= time.time()
    assert times == sorted(times)
    assert [scope["path"] for scope in healthy.scopes] == [TOKEN_PATH, "/top"]


@pytest.mark.parametrize(
    "command",
    [
        {"next": "flu"},
        {"all": "flu"},
        {"next": "503", "times": 0},
        {"all": "503", "seconds": -1},
        {"budget": 0},
        {"budget": "many"},
        {"clear": False},
        {"sometimes": "503"},
        [],
    ],
)
async def test_a_senseless_command_is_refused_and_changes_nothing(api: Api, command: Any) -> None:
    answer = await api._client.post("/__ill", json=command)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert await api.statuses(1) == [HEALTHY]


async def test_a_command_that_is_no_json_is_refused(api: Api) -> None:
    assert (await api._client.post("/__ill", content=b"{")).status_code == 400


class Patience:
    """A client's end of one exchange: hangs up after some messages were sent to it."""

    def __init__(self, messages: int) -> None:
        self.sent: list[Message] = []
        self._left = messages
        self._asked = False

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        if len(self.sent) < self._left:
            raise TimeoutError
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def ask(self, name: str) -> None:
        await ANSWERS[name]({"type": "http", "method": "GET", "path": "/new"}, self.receive, self.send)


async def test_hanging_ends_with_the_client_s_patience() -> None:
    client = Patience(0)
    await client.ask("hang")
    assert client.sent == []


async def test_a_drip_comes_byte_by_byte_until_the_client_has_enough() -> None:
    client = Patience(4)
    await client.ask("drip")
    assert [message.get("body") for message in client.sent] == [None, b"{", b'"', b"k"]
    assert client.sent[0]["status"] == 200


async def test_a_drip_s_end_is_a_listing() -> None:
    client = Patience(10_000)
    await client.ask("drip")
    body = b"".join(message.get("body", b"") for message in client.sent)
    assert httpx.Response(200, content=body).json()["kind"] == "Listing"
    assert not client.sent[-1].get("more_body")
    assert len(body) * 0.5 > 25  # seconds, whatever a client's patience


async def test_the_lifespan_reaches_the_app_below(healthy: Healthy) -> None:
    async def nothing() -> Message:
        return {"type": "lifespan.startup"}

    async def ignored(_message: Message) -> None:
        """Nothing."""

    await FaultInjection(healthy)({"type": "lifespan"}, nothing, ignored)
    assert [scope["type"] for scope in healthy.scopes] == ["lifespan"]
