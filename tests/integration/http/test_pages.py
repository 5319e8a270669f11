"""Pages and what programs read without a key, over real HTTP."""

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from reddit_mcp.actor.event_pricing import prices_of
from reddit_mcp.http.pages.discovery_routes import security_text
from reddit_mcp.http.pages.landing_page import Offer, landing_routes
from reddit_mcp.http.routes.page_routes import listed_tools
from reddit_mcp.settings import Settings
from reddit_mcp.tools import specs
from tests.support.keyed_servers import House
from tests.support.server_process import server

HTML = {"accept": "text/html,application/xhtml+xml"}
PAGES = ["/", "/privacy", "/terms", "/support"]
OPEN = [
    *PAGES,
    "/favicon.ico",
    "/icon.png",
    "/robots.txt",
    "/.well-known/security.txt",
    "/mcp/server-card",
    "/.well-known/ai-catalog.json",
]
MASTER = "a" * 43
EVENTS = json.loads((Path(__file__).parents[3] / ".actor" / "pay_per_event.json").read_text(encoding="utf-8"))


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that wants keys, and the folder of its keys."""
    house = House(tmp_path_factory.mktemp("keyed"), {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": MASTER})
    with server(house.data_dir, **house.settings) as url:
        yield house, url


def test_a_browser_gets_a_page_and_a_program_a_sentence(base_url: str) -> None:
    page = httpx.get(base_url, headers=HTML)
    assert page.status_code == 200
    assert "<h1>Reddit for AI assistants</h1>" in page.text
    assert f"{base_url}/mcp" in page.text
    assert httpx.get(base_url).text == "reddit-mcp: an MCP server for Reddit. Point an MCP client at /mcp.\n"


def test_the_page_tells_which_source_answers_and_why(base_url: str) -> None:
    page = httpx.get(base_url, headers=HTML).text
    assert "Sample data" in page
    assert "Arctic Shift cannot be reached" in page


def test_every_tool_is_listed_and_those_that_read_can_be_tried(base_url: str) -> None:
    page = httpx.get(base_url, headers=HTML).text
    for spec in specs():
        assert f"<code>{spec.name}</code>" in page
        assert (f'id="form-{spec.name}"' in page) == spec.read_only


def test_a_form_has_every_argument_of_its_tool(base_url: str) -> None:
    page = Elements(httpx.get(base_url, headers=HTML).text)
    ids = [attributes.get("id") for _, attributes in page.found]
    fields = [f"{tool.name}-{field.name}" for tool in listed_tools() if tool.read_only for field in tool.fields]
    assert len(fields) > 25
    assert [field for field in fields if field not in ids] == []
    assert len({each for each in ids if each}) == len([each for each in ids if each])


@pytest.mark.parametrize("path", [*PAGES, "/dashboard"])
def test_a_page_runs_nothing_inline_and_loads_nothing_foreign(path: str, base_url: str) -> None:
    answer = httpx.get(base_url + path, headers=HTML)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, attributes in Elements(answer.text).found:
        assert tag != "style"
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        assert tag != "script" or attributes.get("src")
        for name in ("src", "href"):
            if tag in ("script", "link", "img") and name in attributes:
                loaded = attributes[name] or ""
                assert loaded.startswith("/")
                assert httpx.get(base_url + loaded).status_code == 200


@pytest.mark.parametrize("path", OPEN)
def test_it_is_open_where_calls_need_a_key(path: str, keyed: tuple[House, str]) -> None:
    _, url = keyed
    assert httpx.get(url + path, headers=HTML).status_code == 200
    assert httpx.get(url + path).status_code == 200


@pytest.mark.parametrize("name", ["../app.py", "..%2f..%2fapp.py", "nothing.css", "%00"])
def test_no_other_file_is_served(name: str, base_url: str) -> None:
    assert httpx.get(f"{base_url}/static/{name}").status_code == 404


def test_snippets_and_limits_are_those_of_the_settings(keyed: tuple[House, str]) -> None:
    page = httpx.get(keyed[1], headers=HTML).text
    assert "Authorization: Bearer YOUR_API_KEY" in page
    assert re.search(r'<th scope="row">business</th>\s*<td>300</td>\s*<td>12,000</td>', page)
    assert '<th scope="row">anonymous</th>' not in page


def test_the_dashboard_asks_a_browser_for_the_operators_key(keyed: tuple[House, str]) -> None:
    house, url = keyed
    refused = httpx.get(f"{url}/dashboard", headers=HTML)
    assert (refused.status_code, 'id="sign-in"' in refused.text) == (401, True)
    assert httpx.get(f"{url}/dashboard").json()["error"]["data"]["category"] == "authentication"
    ordinary = {**HTML, "x-api-key": house.create("ann")["key"]}
    assert httpx.get(f"{url}/dashboard", headers=ordinary).status_code == 403
    operator = {"x-api-key": house.create("olga", "--role", "operator")["key"]}
    assert httpx.get(f"{url}/dashboard", headers=operator).status_code == 200


def test_a_public_host_is_named_in_the_page_and_may_call_its_own_server(tmp_path: Path) -> None:
    with server(tmp_path, MCP_ALLOWED_HOSTS="mcp.example.com", TRUSTED_PROXIES="127.0.0.0/8") as url:
        host = {"host": "mcp.example.com"}
        page = httpx.get(url, headers={**HTML, **host, "x-forwarded-proto": "https"}).text
        assert "https://mcp.example.com/mcp" in page
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        kinds = {"accept": "application/json, text/event-stream", **host}
        own = httpx.post(f"{url}/mcp", json=ping, headers={**kinds, "origin": "https://mcp.example.com"})
        other = httpx.post(f"{url}/mcp", json=ping, headers={**kinds, "origin": "https://evil.example"})
        assert (own.status_code, other.status_code) == (200, 403)
        card = httpx.get(f"{url}/mcp/server-card", headers={**host, "origin": "https://evil.example"})
        assert (card.status_code, card.headers["access-control-allow-origin"]) == (200, "https://evil.example")
        assert card.json()["name"] == "com.example.mcp/reddit-mcp-server"


def test_the_card_and_the_catalog_lead_to_the_server(base_url: str) -> None:
    catalog = httpx.get(f"{base_url}/.well-known/ai-catalog.json")
    assert catalog.headers["content-type"] == "application/ai-catalog+json"
    (entry,) = catalog.json()["entries"]
    card = httpx.get(entry["url"], headers={"accept": entry["type"]})
    assert card.headers["content-type"] == entry["type"] == "application/mcp-server-card+json"
    assert card.headers["access-control-allow-origin"] == "*"
    (remote,) = card.json()["remotes"]
    assert remote["url"] == f"{base_url}/mcp"
    assert "2026-07-28" in remote["supportedProtocolVersions"]
    assert "headers" not in remote
    assert httpx.get(card.json()["icons"][0]["src"]).content[:4] == b"\x89PNG"


def test_the_card_says_that_a_key_is_needed(keyed: tuple[House, str]) -> None:
    (remote,) = httpx.get(f"{keyed[1]}/mcp/server-card").json()["remotes"]
    assert [(header["name"], header["isSecret"]) for header in remote["headers"]] == [("Authorization", True)]


def test_vulnerabilities_are_reported_to_the_operator() -> None:
    now = datetime(2026, 11, 27, 13, tzinfo=UTC)
    told = security_text("https://a.example", "mailto:security@a.example", now)
    fields = dict(line.split(": ", 1) for line in told.splitlines())
    assert fields["Contact"] == "mailto:security@a.example"
    assert timedelta(0) < datetime.fromisoformat(fields["Expires"]) - now < timedelta(days=365)
    assert "Contact: https://a.example/support\n" in security_text("https://a.example", None, now)


@pytest.mark.parametrize("contact", ["ann@example.com", "javascript:alert(1)", "https://a.example\nExpires: x"])
def test_a_contact_that_is_no_address_is_refused(contact: str) -> None:
    with pytest.raises(ValueError, match="https:// or mailto:"):
        Settings(_env_file=None, operator_contact=contact)


async def test_prices_are_those_that_the_platform_tells() -> None:
    prices = prices_of(json.dumps({"pricingModel": "PAY_PER_EVENT", "pricingPerEvent": {"actorChargeEvents": EVENTS}}))
    offer = Offer(listed_tools(), prices or {}, lambda: ("reddit", "a test says so"))
    app = Starlette(routes=landing_routes(Settings(_env_file=None), offer))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        page = (await client.get("/", headers=HTML)).text
    rows = re.findall(r'<th scope="row"><code>(.*?)</code></th><td>\$(.*?)</td>', page)
    assert dict(rows) == {name: str(event["eventPriceUsd"]) for name, event in EVENTS.items()}
    assert len(rows) == 3
