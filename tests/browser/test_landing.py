"""The landing page and the small pages, in a real browser."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.support.browser import SCHEMES, WIDTHS, visiting

pytestmark = pytest.mark.asyncio(loop_scope="module")
LOOKS = [(width, scheme) for width in WIDTHS for scheme in SCHEMES]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
@pytest.mark.parametrize("path", ["/", "/privacy", "/terms", "/support"])
async def test_a_page_is_sound(path: str, width: int, scheme: str, browser: Browser, base_url: str) -> None:
    async with visiting(browser, width, scheme) as visit:
        await visit.page.goto(base_url + path)
        if path == "/":
            await expect(visit.page.locator("#status")).to_contain_text("healthy")
            for summary in await visit.page.locator(".clients summary").all():
                await summary.click()
        assert await visit.overflow() <= 0
        assert await visit.serious() == []
        assert await visit.faults() == []


async def test_a_visitor_calls_a_tool(browser: Browser, base_url: str) -> None:
    async with visiting(browser, 1280, "light") as visit:
        await visit.page.goto(base_url)
        await visit.page.get_by_role("button", name="Call the tool").click()
        await expect(visit.page.get_by_role("heading", name="Answer")).to_be_focused()
        await expect(visit.page.locator("#result-items li")).to_have_count(5)
        await expect(visit.page.locator("#result-facts")).to_contain_text("Source: sample")
        assert await visit.serious() == []
        assert await visit.faults() == []


async def test_every_tool_that_reads_can_be_chosen_and_says_why_it_fails(browser: Browser, base_url: str) -> None:
    async with visiting(browser, 390, "dark") as visit:
        await visit.page.goto(base_url)
        await visit.page.get_by_label("Tool", exact=True).select_option("get_user_info")
        await visit.page.get_by_label("username").fill("nobody!")
        await visit.page.get_by_role("button", name="Call the tool").click()
        await expect(visit.page.get_by_role("heading", name="The call failed")).to_be_focused()
        await expect(visit.page.locator("#result-facts")).to_contain_text(re.compile("username|user name"))
        assert await visit.faults() == []


async def test_strangers_text_stays_text(browser: Browser, base_url: str) -> None:
    """What an answer holds never becomes part of the page."""
    hostile = '<img src=x onerror="window.hit = 1">'
    content = {"posts": [{"title": hostile, "permalink": "javascript:window.hit=1"}], "metadata": {"source": hostile}}
    answer = {"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": content, "content": []}}
    async with visiting(browser, 1280, "light") as visit:
        await visit.page.route("**/mcp", lambda route: route.fulfill(json=answer))
        await visit.page.goto(base_url)
        await visit.page.get_by_role("button", name="Call the tool").click()
        await expect(visit.page.locator("#result-items li").first).to_contain_text(hostile)
        assert await visit.page.locator("#try-result img, #try-result a").count() == 0
        assert await visit.page.evaluate("window.hit") is None
        assert await visit.faults() == []


async def test_the_keyboard_reaches_the_content_and_opens_a_client(browser: Browser, base_url: str) -> None:
    async with visiting(browser, 1280, "light") as visit:
        await visit.page.goto(base_url)
        await visit.page.keyboard.press("Tab")
        await expect(visit.page.get_by_text("Skip to the content")).to_be_focused()
        await visit.page.keyboard.press("Enter")
        await expect(visit.page.locator("#content")).to_be_focused()
        await visit.page.locator("summary", has_text="Cursor").focus()
        await visit.page.keyboard.press("Space")
        link = visit.page.get_by_role("link", name="Add to Cursor")
        await expect(link).to_be_visible()
        assert (await link.get_attribute("href") or "").startswith("cursor://anysphere.cursor-deeplink/mcp/install?")


async def test_a_copied_address_is_that_of_the_server(browser: Browser, base_url: str) -> None:
    async with visiting(browser, 1280, "light") as visit:
        await visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await visit.page.goto(base_url)
        await visit.page.get_by_role("button", name="Copy address").click()
        await expect(visit.page.get_by_text("Copied")).to_be_visible()
        copied = await visit.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{base_url}/mcp"
