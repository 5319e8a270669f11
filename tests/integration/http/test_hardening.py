"""Hostile callers against real sockets: whatever they send, the server answers others and never blames itself."""

import functools
import json
import secrets
import string
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reddit_mcp.http import http11_protocol
from reddit_mcp.tools import Services, specs
from tests.support.asgi_requests import JSON, call, error_of
from tests.support.keyed_servers import House
from tests.support.patience import PATIENCE_SECONDS
from tests.support.raw_http import HEAD, connected, everything
from tests.support.server_process import server

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
PAGE = "https://app.example"


# --- the whole server ---


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "server.log"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, log_file: Path) -> Iterator[str]:
    options = {"REDDIT_QPM": "100000", "CORS_ORIGINS": PAGE, "LOG_FILE": str(log_file)}
    with server(tmp_path_factory.mktemp("data"), **options) as address:
        yield address


async def test_the_server_runs_our_protocol(url: str) -> None:
    async with connected(int(url.rpartition(":")[2])) as (reader, writer):
        writer.write(HEAD + b"X-Endless: " + b"x" * http11_protocol.LARGEST_HEAD)
        assert (await everything(reader)).startswith(b"HTTP/1.1 431 ")


async def test_a_page_is_admitted_and_another_is_not(url: str) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    async with httpx.AsyncClient() as client:
        for origin, status in ((PAGE, 204), ("https://evil.example", 403)):
            answer = await client.options(url + "/mcp", headers={**asked, "origin": origin})
            assert answer.status_code == status
        answer = await client.post(url + "/mcp", json=LIST, headers={**JSON, "origin": PAGE})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)


@pytest.mark.parametrize("body", [b"[]", b"{", b"[" * 200_000, b'{"id":null}', b"\xff"], ids=len)
async def test_the_legacy_transport_refuses_bombs_and_stays_open(url: str, body: bytes) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client, client.stream("GET", url + "/sse") as stream:
        lines = stream.aiter_lines()
        path = [line async for line in _until(lines, "data: /messages/")][-1].removeprefix("data: ")
        answer = await client.post(url + path, content=body, headers=JSON)
        assert answer.status_code == 400
        assert error_of(answer)["type"] == "invalid_input"
        good = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
        assert (await client.post(url + path, json=good, headers=JSON)).status_code == 202
        assert [line async for line in _until(lines, 'data: {"jsonrpc":"2.0","id":7')]


async def _until(lines: AsyncIterator[str], start: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith(start):
            return


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def test_the_log_knows_calls_and_no_people(url: str, log_file: Path) -> None:
    headers = {**JSON, "authorization": "Bearer rmcp_veryPrivateKey0123456789", "x-api-key": "rmcp_otherKey012345"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{url}/mcp?token=tokenInTheAddress", json=call("get_user_info", username="privatename99"), headers=headers
        )
        await client.post(url + "/mcp", json=call("search_reddit", query="privateillness"), headers=headers)
    (line,) = [line for line in _lines(log_file) if line.get("trace_id") == answer.headers["x-request-id"]]
    assert (line["event"], line["tool"], line["error_type"], line["level"]) == (
        "tool_failed",
        "get_user_info",
        "not_found",
        "warning",
    )
    assert (len(line["caller"]), line["tier"]) == (16, "unlimited")
    written = json.dumps(_lines(log_file))
    for private in ("rmcp_", "tokenInTheAddress", "privatename99", "privateillness", "127.0.0.1"):
        assert private not in written


# --- arguments: from what each tool publishes, and beyond it ---

TOOLS = {spec.name: spec.bind(Services.__new__(Services)).parameters for spec in specs()}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.sampled_from(
    ["brew_at_home", "r/all", "a+b", "u/spez", "t3_abc", "t1_x", "https://redd.it/abc", "../me", "%"]
)


class Huge(str):
    """A text too long to be shown when a test fails."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} characters>"


WILD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.just(Huge("x" * 70_000)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a published schema admits."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "boolean":
            return st.booleans()
        case "array":
            return st.lists(fitting(schema["items"]), max_size=schema["maxItems"])
    return TEXT | NAMES | st.text(string.ascii_letters, min_size=schema.get("minLength", 0), max_size=20)


@functools.cache
def arguments(tool: str) -> st.SearchStrategy[dict[str, Any]]:
    schema, required = TOOLS[tool], TOOLS[tool].get("required", [])
    each = {name: fitting(inner) | fitting(inner) | WILD for name, inner in schema["properties"].items()}
    known = st.fixed_dictionaries(
        {name: each[name] for name in required}, optional={name: each[name] for name in each if name not in required}
    )
    return known | st.builds(lambda first, second: {**first, **second}, known, st.dictionaries(TEXT, WILD, max_size=2))


@pytest.mark.parametrize("tool", TOOLS)
def test_no_arguments_make_an_internal_error(url: str, tool: str) -> None:
    with httpx.Client(base_url=url, headers=JSON, timeout=60) as client:

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(arguments(tool))
        def calls(given_arguments: dict[str, Any]) -> None:
            answer = client.post("/mcp", json=call(tool, **given_arguments))
            assert answer.status_code == 200
            result = answer.json()["result"]
            if result["isError"]:
                assert error_of(answer)["type"] in ("invalid_input", "not_found", "unavailable")

        calls()


# --- every route, with and without a key, an issuer beside it ---

PATHS = (
    "/mcp /mcp/ /sse /messages/ / /privacy /dashboard /stats /metrics /health /health/ready /health/live /usage "
    "/breakers /breakers/reddit/reset /queue/status/x /api/queue/status/x /auth/reddit/login /auth/reddit/callback "
    "/.well-known/oauth-protected-resource /.well-known/oauth-protected-resource/mcp"
).split()
HEADER_NAMES = st.sampled_from(
    "accept accept-language content-type content-encoding origin authorization x-api-key x-request-id x-forwarded-for "
    "mcp-protocol-version mcp-session-id mcp-method mcp-name last-event-id range if-none-match cookie te".split()
)
HEADER_VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60)
QUERIES = st.dictionaries(st.sampled_from(["session_id", "token", "code", "state", "name"]) | TEXT, TEXT, max_size=3)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    settings = {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": secrets.token_hex(32), "RATE_LIMIT_MODE": "disabled"}
    issuer = {"OAUTH_ISSUER_URL": "https://issuer.invalid", "OAUTH_AUDIENCE": "https://reddit.example/mcp"}
    proxies = {"TRUSTED_PROXIES": "127.0.0.0/8"}
    return House(tmp_path_factory.mktemp("data"), {**settings, **issuer, **proxies})


@pytest.fixture(scope="module")
def closed_url(house: House) -> Iterator[str]:
    with server(house.data_dir, **house.settings) as address:
        yield address


def test_no_request_to_any_route_makes_a_server_error(house: House, closed_url: str) -> None:
    keys = [house.create("ada")["key"], house.create("root", "--role", "operator")["key"]]
    credentials = st.sampled_from(keys) | st.none() | st.text(string.printable[:94], max_size=80)
    schemes = st.sampled_from(["Bearer ", "bearer", "Basic ", ""])
    bodies = st.binary(max_size=100) | WILD.map(lambda value: json.dumps(value).encode()) | st.just(json.dumps(LIST))

    with httpx.Client(timeout=PATIENCE_SECONDS) as client:

        @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            st.sampled_from(PATHS) | TEXT.map(lambda text: "/" + quote(text)),
            st.sampled_from("GET POST PUT DELETE PATCH OPTIONS HEAD PROPFIND".split()),
            st.dictionaries(HEADER_NAMES, HEADER_VALUES, max_size=4),
            QUERIES,
            bodies,
            credentials,
            schemes,
        )
        def asks(
            path: str,
            method: str,
            headers: dict[str, str],
            query: dict[str, str],
            body: bytes,
            key: str | None,
            scheme: str,
        ) -> None:
            sent = headers if key is None else {**headers, "authorization": (scheme + key).strip()}
            encoded = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
            with client.stream(
                method, closed_url + path, params=query, content=body, headers=encoded
            ) as answer:  # a stream has no end
                assert answer.status_code < 500
                assert answer.headers["x-request-id"]

        asks()
