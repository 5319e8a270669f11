"""The dashboard in a real browser: over a server's own figures, over figures made by hand, and behind a key."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.test_landing import LOOKS
from tests.support.browser import visiting
from tests.support.dashboard_figures import BREAKERS, figures
from tests.support.keyed_servers import House
from tests.support.server_process import NOWHERE, server
from tests.support.tool_calls import asking

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHARTS = {"requests": "Calls", "errors": "Errors", "latency": "95th percentile", "hits": "Cache hit rate"}

DOWN = {
    "DATA_SOURCE": "reddit",
    "REDDIT_CLIENT_ID": "mine",
    "REDDIT_CLIENT_SECRET": "secret",
    "REDDIT_URL": NOWHERE,
    "REDDIT_OAUTH_URL": NOWHERE,
    "RETRY_ATTEMPTS": "1",
    "BREAKER_FAILURES": "2",
}


async def answer_with(page: Page, stats: Any, breakers: Any = BREAKERS) -> None:
    await page.route("**/stats", lambda route: route.fulfill(json=stats))
    await page.route("**/breakers", lambda route: route.fulfill(json=breakers))


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
async def test_figures_are_drawn(width: int, scheme: str, browser: Browser, base_url: str) -> None:
    async with visiting(browser, width, scheme) as visit:
        await answer_with(visit.page, figures())
        await visit.page.goto(f"{base_url}/dashboard")
        await expect(visit.page.locator("#overview")).to_contain_text("41,872")
        for name, what in CHARTS.items():
            await expect(visit.page.locator(f"#chart-{name}").get_by_role("img", name=what)).to_be_visible()
        await expect(visit.page.locator("#budget")).to_contain_text("78.0 % used; 22 of 100 requests left.")
        await expect(visit.page.locator("#queue")).to_contain_text("140 of 1,000 places taken.")
        await expect(visit.page.locator("#breakers")).to_contain_text("half open")
        await expect(visit.page.locator("#slowest")).to_contain_text("8,120 ms")
        await expect(visit.page.locator("#errors")).to_contain_text("upstream_error")
        assert await visit.overflow() <= 0
        assert await visit.serious() == []
        assert await visit.faults() == []


async def test_a_server_without_calls_shows_its_own_state(browser: Browser, base_url: str) -> None:
    async with visiting(browser, 1280, "light") as visit:
        await visit.page.goto(f"{base_url}/dashboard")
        await expect(visit.page.locator("#updated")).to_have_text(re.compile(r"Renewed every|No figures yet"))
        await expect(visit.page.locator("#breakers")).to_contain_text("closed")
        assert await visit.serious() == []


async def test_the_figures_of_a_server_that_was_called(browser: Browser, base_url: str) -> None:
    async with asking(base_url) as ask:
        for number in range(3):
            await ask("get_subreddit_info", subreddit=f"unknown_{number}")
    async with visiting(browser, 1280, "light") as visit:
        await visit.page.goto(f"{base_url}/dashboard")
        for name in ("requests", "errors", "latency"):
            await expect(visit.page.locator(f"#chart-{name}").get_by_role("img")).to_be_visible(timeout=20_000)
        await expect(visit.page.locator("#tools")).to_contain_text("get_subreddit_info")
        await expect(visit.page.locator("#availability")).to_contain_text("99.90 %")
        await expect(visit.page.locator("body")).not_to_contain_text("[object")
        assert await visit.faults() == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
async def test_a_server_whose_source_is_down(width: int, scheme: str, browser: Browser, tmp_path: Path) -> None:
    """Nothing is made up: calls to a Reddit that does not answer open the breaker, and the page says so."""
    with server(tmp_path, **DOWN) as url:
        async with asking(url) as ask:
            for number in range(4):
                await ask("get_user_info", username=f"name{number}")
        async with visiting(browser, width, scheme) as visit:
            await visit.page.goto(f"{url}/dashboard")
            breakers = visit.page.locator("#breakers")
            await expect(breakers.get_by_role("cell", name="open", exact=True)).to_be_visible()
            assert await visit.overflow() <= 0
            assert await visit.serious() == []
            assert await visit.faults() == []


async def test_figures_are_renewed_by_themselves(browser: Browser, base_url: str) -> None:
    later = {**figures(), "overview": {"total_requests": 99}}
    async with visiting(browser, 1280, "light") as visit:
        await answer_with(visit.page, figures())
        await visit.page.goto(f"{base_url}/dashboard")
        await expect(visit.page.locator("#overview")).to_contain_text("41,872")
        await answer_with(visit.page, later)
        await expect(visit.page.locator("#overview")).to_contain_text("99", timeout=20_000)


@pytest.mark.parametrize(
    "stats",
    [
        {},
        {"series": []},
        {"series": [{}], "overview": None, "top_violators": "many", "budget": {"utilization": "full"}},
        {"series": [{"start": "2026-11-27T12:00:00Z", "total_requests": 3}], "errors_by_type": {"timeout": None}},
        {"series": [{"start": 1, "p95_ms": 5}], "slowest_calls": [None, {}], "availability": {"availability": None}},
        [],
    ],
    ids=["nothing", "no-series", "other-types", "iso-time", "one-point", "list"],
)
async def test_what_is_missing_is_shown_as_missing(stats: Any, browser: Browser, base_url: str) -> None:
    async with visiting(browser, 1280, "light") as visit:
        await answer_with(visit.page, stats, {"breakers": None})
        await visit.page.goto(f"{base_url}/dashboard")
        await expect(visit.page.locator("#overview")).to_contain_text("–")
        await expect(visit.page.locator("#updated")).to_contain_text("Renewed every 5 seconds.")
        assert await visit.faults() == []


async def test_the_operator_types_the_key_once(browser: Browser, tmp_path: Path) -> None:
    house = House(tmp_path, {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": "a" * 43})
    with server(tmp_path, **house.settings) as url:
        key, ordinary = house.create("olga", "--role", "operator")["key"], house.create("ann")["key"]
        async with visiting(browser, 1280, "light") as visit:
            sent: list[str | None] = []
            visit.page.on("request", lambda asked: sent.append(asked.headers.get("x-api-key")))
            await visit.page.goto(f"{url}/dashboard")
            field = visit.page.get_by_label("Key of the role operator")
            await field.fill(ordinary)
            await field.press("Enter")
            await expect(visit.page.get_by_text("That key is not one of the role operator.")).to_be_visible()
            await field.fill(key)
            await field.press("Enter")
            await expect(visit.page.locator("#figures")).to_be_visible()
            await expect(field).not_to_be_visible()
            await visit.page.reload()
            await expect(visit.page.locator("#figures")).to_be_visible()
            assert await visit.serious() == []
            assert key in sent
            assert key not in visit.page.url
            await visit.page.get_by_role("button", name="Forget the key").click()
            await expect(field).to_be_visible()
