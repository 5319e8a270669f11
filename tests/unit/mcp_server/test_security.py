"""What strangers may send: names, heads and bodies are refused before anything expensive looks at them."""

import functools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reddit_mcp.http.middleware.json_body import LARGEST_BODY
from reddit_mcp.mcp_server.server import RedditServer
from tests.support.asgi_requests import error_of, http, server

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("reddit.example", 200),
        ("REDDIT.example:443", 200),
        ("run.actor.example", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("actor.example", 421),
        ("evilactor.example", 421),
        ("", 421),
    ],
)
async def test_only_our_own_names_are_served(host: str, status: int) -> None:
    async with http(hosts=("reddit.example", "*.actor.example")) as client:
        answer = await client.post("/mcp", json=LIST, headers={"host": host})
    assert answer.status_code == status
    assert status == 200 or "MCP_ALLOWED_HOSTS" in error_of(answer)["message"]


async def test_probes_come_under_any_name() -> None:
    async with http() as client:
        answer = await client.get("/health/live", headers={"host": "10.0.0.1", "origin": "https://evil.example"})
    assert answer.status_code == 405  # it has reached the application, which serves no health here
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example", 200),
        ("http://localhost:3000", 200),
        ("https://127.0.0.1", 200),
        ("http://app.example", 403),
        ("https://app.example:8443", 403),
        ("https://localhost.evil.example", 403),
        ("file://localhost", 403),
        ("null", 403),
        ("", 403),
    ],
)
async def test_only_known_pages_are_served(origin: str, status: int) -> None:
    async with http(origins=("https://app.example",)) as client:
        answer = await client.post("/mcp", json=LIST, headers={"origin": origin})
        preflight = await client.options("/mcp", headers={"origin": origin, "access-control-request-method": "POST"})
    assert answer.status_code == status
    assert preflight.status_code == (204 if status == 200 else status)
    for seen in (answer, preflight):
        assert seen.headers.get("access-control-allow-origin") == (origin if status == 200 else None)


async def test_a_browser_learns_what_it_may_send_and_read() -> None:
    asked = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,mcp-protocol-version",
    }
    async with http(origins=("https://app.example",)) as client:
        preflight = await client.options("/mcp", headers=asked)
        answer = await client.post("/mcp", json=LIST, headers={"origin": "https://app.example"})
    assert preflight.headers["access-control-allow-headers"] == "authorization,mcp-protocol-version"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert int(preflight.headers["access-control-max-age"]) > 0
    assert preflight.content == b""
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert exposed >= {"X-Request-ID", "X-RateLimit-Remaining", "Retry-After", "Mcp-Session-Id", "WWW-Authenticate"}
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


async def test_options_without_a_page_is_no_preflight() -> None:
    async with http() as client:
        answer = await client.options("/mcp", headers={"access-control-request-method": "POST"})
    assert answer.status_code == 405


async def test_every_answer_is_named_and_keeps_its_type() -> None:
    async with http() as client:
        named = await client.post("/mcp", json=LIST, headers={"x-request-id": "trace-me-01"})
        unnamed = [await client.post("/mcp", json=LIST, headers={"x-request-id": "not a name!"}) for _ in range(2)]
    assert named.headers["x-request-id"] == "trace-me-01"
    assert named.headers["x-content-type-options"] == "nosniff"
    assert len({answer.headers["x-request-id"] for answer in unnamed}) == 2


@pytest.mark.parametrize(
    "headers", [{f"x-{number}": "1" for number in range(100)}, {"x-large": "x" * 33_000}], ids=["many", "large"]
)
async def test_too_many_or_too_large_headers_are_431(headers: dict[str, str]) -> None:
    async with http() as client:
        answer = await client.post("/mcp", json=LIST, headers=headers)
    assert answer.status_code == 431
    assert "headers" in error_of(answer)["message"]


async def test_a_long_query_string_counts_as_head() -> None:
    async with http() as client:
        assert (await client.post("/mcp?x=" + "y" * 33_000, json=LIST)).status_code == 431


@pytest.mark.parametrize("length", ["x", "-", "1.5"])
async def test_a_length_that_is_no_number_is_400(length: str) -> None:
    async with http() as client:
        assert (await client.post("/mcp", content=b"{}", headers={"content-length": length})).status_code == 400


async def test_a_declared_megabyte_is_refused_unread() -> None:
    async with http() as client:
        answer = await client.post("/mcp", content=b"{}", headers={"content-length": str(LARGEST_BODY + 1)})
    assert answer.status_code == 413
    assert "1 MB" in error_of(answer)["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": ""},
        {"content-type": "application/jsonx"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-encoding": "gzip"},
    ],
    ids=str,
)
async def test_other_kinds_of_content_are_415(headers: dict[str, str]) -> None:
    async with http() as client:
        answer = await client.post("/mcp", content=json.dumps(LIST), headers=headers)
    assert answer.status_code == 415
    assert error_of(answer)["data"]["trace_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; Charset=UTF-8", 'application/json;charset="utf-8"']
)
async def test_json_is_served_however_it_is_spelt(kind: str) -> None:
    async with http() as client:
        assert (await client.post("/mcp", content=json.dumps(LIST), headers={"content-type": kind})).is_success


@functools.cache
def one_server() -> RedditServer:
    """Its tools take longer to build than a request takes."""
    return server()


HEADER_NAMES = st.sampled_from(
    "accept content-type content-encoding content-length host origin authorization x-request-id mcp-protocol-version "
    "mcp-session-id mcp-method mcp-name last-event-id expect connection x-forwarded-for".split()
) | st.from_regex(r"\A[a-z][a-z0-9-]{0,20}\Z")
HEADER_VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
METHODS = st.sampled_from(
    "initialize ping tools/list tools/call resources/read resources/subscribe prompts/get completion/complete "
    "logging/setLevel subscriptions/listen notifications/cancelled server/discover".split()
)
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(HEADER_NAMES, HEADER_VALUES, max_size=6), st.sampled_from(["GET", "POST", "OPTIONS", "HEAD"]))
async def test_no_head_makes_a_server_error(headers: dict[str, str], method: str) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    async with http(one_server()) as client:
        answer = await client.request(method, "/mcp", content=json.dumps(LIST), headers=encoded)
    assert answer.status_code < 500


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=200)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": st.just("2.0") | VALUES,
            "id": st.integers(0, 9) | VALUES,
            "method": METHODS | VALUES,
            "params": VALUES | st.dictionaries(st.sampled_from(["name", "uri", "_meta", "arguments"]), VALUES),
        },
    ).map(lambda message: json.dumps(message).encode()),
    st.booleans(),
)
async def test_no_body_makes_a_server_error(body: bytes, modern: bool) -> None:
    headers = {"mcp-protocol-version": "2026-07-28"} if modern else {}
    async with http(one_server()) as client:
        answer = await client.post("/mcp", content=body, headers=headers)
    assert answer.status_code < 500


@settings(deadline=None, max_examples=60)
@given(
    METHODS.filter(lambda method: method != "subscriptions/listen"),  # a stream without an end
    st.dictionaries(st.sampled_from(["name", "uri", "arguments", "ref", "argument"]), VALUES),
)
async def test_no_parameters_of_the_newest_revision_make_a_server_error(method: str, params: dict[str, Any]) -> None:
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": method, "mcp-name": ""}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": ENVELOPE}}
    async with http(one_server()) as client:
        answer = await client.post("/mcp", content=json.dumps(message).encode(), headers=headers)
    assert answer.status_code < 500
