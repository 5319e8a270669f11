"""What a person copies from the landing page, and the address that it names."""

import base64
import json
import shlex
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from reddit_mcp.http.pages.connect_snippets import Snippet, snippets
from reddit_mcp.http.pages.public_address import PublicAddress, public_address
from reddit_mcp.settings import Settings

PUBLIC = PublicAddress("https://mcp.example.com")
LOCAL = PublicAddress("http://127.0.0.1:8080")
CLIENTS = ["Claude Code", "Claude Desktop", "Cursor", "VS Code", "ChatGPT", "Apify"]


def by_client(address: PublicAddress, credential: str = "") -> dict[str, Snippet]:
    return {snippet.client: snippet for snippet in snippets(address, credential=credential)}


def address_of(host: str, *, peer: str = "10.0.0.1", proto: str = "", **settings: Any) -> str:
    headers = [(b"host", host.encode("latin-1"))]
    if proto:
        headers.append((b"x-forwarded-proto", proto.encode()))
    scope = {"type": "http", "scheme": "http", "headers": headers, "client": (peer, 1)}
    return public_address(scope, Settings(_env_file=None, **settings)).base


def test_every_client_is_told_the_address() -> None:
    told = by_client(PUBLIC)
    assert list(told) == CLIENTS
    assert [name for name in CLIENTS[:-1] if "https://mcp.example.com/mcp" not in told[name].text] == []


def test_a_key_is_sent_where_calls_need_one() -> None:
    told = by_client(PUBLIC, "YOUR_API_KEY")
    assert shlex.split(told["Claude Code"].text)[-2:] == ["--header", "Authorization: Bearer YOUR_API_KEY"]
    assert json.loads(told["Cursor"].text)["mcpServers"]["reddit"]["headers"] == {
        "Authorization": "Bearer YOUR_API_KEY"
    }
    assert json.loads(told["VS Code"].text)["servers"]["reddit"]["headers"] == {"Authorization": "Bearer YOUR_API_KEY"}
    assert json.loads(told["Claude Desktop"].text)["mcpServers"]["reddit"]["args"][-1].endswith("Bearer YOUR_API_KEY")
    assert "no key" in told["ChatGPT"].note


def test_links_carry_the_same_as_the_text() -> None:
    told = by_client(PUBLIC, "YOUR_API_KEY")
    cursor = urlsplit(told["Cursor"].link)
    packed = parse_qs(cursor.query)
    assert (cursor.scheme, cursor.netloc, packed["name"]) == ("cursor", "anysphere.cursor-deeplink", ["reddit"])
    assert json.loads(base64.b64decode(packed["config"][0])) == json.loads(told["Cursor"].text)["mcpServers"]["reddit"]
    code = json.loads(unquote(told["VS Code"].link.removeprefix("vscode:mcp/install?")))
    assert code == {"name": "reddit", **json.loads(told["VS Code"].text)["servers"]["reddit"]}


def test_a_client_in_the_cloud_is_told_that_loopback_is_out_of_its_reach() -> None:
    assert "public https address" in by_client(LOCAL)["ChatGPT"].note
    assert by_client(PUBLIC)["ChatGPT"].note == ""


def test_the_scheme_is_believed_from_trusted_proxies_alone() -> None:
    host = "mcp.example.com"
    assert address_of(host) == "http://mcp.example.com"
    assert address_of(host, proto="https") == "http://mcp.example.com"
    assert address_of(host, proto="https", trusted_proxies="10.0.0.0/8") == "https://mcp.example.com"
    assert address_of(host, proto="http, https", trusted_proxies="10.0.0.0/8") == "https://mcp.example.com"
    assert address_of(host, proto="javascript", trusted_proxies="10.0.0.0/8") == "http://mcp.example.com"
    assert address_of(host, peer="192.0.2.1", proto="https", trusted_proxies="10.0.0.0/8") == "http://mcp.example.com"


def test_apify_speaks_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTOR_STANDBY_URL", "https://ann--reddit.apify.actor")
    assert address_of("ann--reddit.apify.actor") == "https://ann--reddit.apify.actor"


@pytest.mark.parametrize(
    "host", ["", "a b", 'x";rm -rf', "<script>.apify.actor", "a$(id)", "a`id`", "a'b", "é.example"]
)
def test_a_host_of_no_such_form_is_not_shown(host: str) -> None:
    assert address_of(host) == "http://127.0.0.1:8080"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:8080", "a-b.example.com:65535"])
def test_a_host_is_shown_as_it_came(host: str) -> None:
    assert address_of(host) == f"http://{host}"
