"""Pictures of every page at both widths, in light and dark: `make screenshots` writes them to screenshots/."""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.browser.test_dashboard import answer_with
from tests.support.browser import SCHEMES, WIDTHS, browsing, chromium, visiting
from tests.support.dashboard_figures import figures
from tests.support.server_process import server

FOLDER = Path(__file__).parents[2] / "screenshots"
PAGES = ("landing", "called", "dashboard", "privacy", "terms", "support")


async def main() -> int:
    """Take them all; 1 where there is no browser."""
    program = chromium()
    if program is None:
        sys.stderr.write("No Chromium on this machine: install Debian's package `chromium`, or name one in CHROMIUM.\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as url:
        async with browsing(program) as browser:
            for name in PAGES:
                for width in WIDTHS:
                    for scheme in SCHEMES:
                        await take(browser, url, name, width, scheme)
    return 0


async def take(browser: Browser, url: str, name: str, width: int, scheme: str) -> None:
    """One picture of the whole page."""
    async with visiting(browser, width, scheme) as visit:
        await show(visit.page, url, name)
        path = FOLDER / f"{name}-{width}-{scheme}.png"
        await visit.page.screenshot(path=path, full_page=True)
        sys.stdout.write(f"{path.relative_to(FOLDER.parent)}\n")


async def show(page: Page, url: str, name: str) -> None:
    """Open a page and wait until it is drawn."""
    if name == "dashboard":
        await answer_with(page, figures())
    await page.goto(url + {"landing": "/", "called": "/"}.get(name, f"/{name}"))
    if name == "dashboard":
        await expect(page.locator("#chart-hits svg")).to_be_visible()
    if name in ("landing", "called"):
        await expect(page.locator("#status")).to_contain_text("healthy")
    if name == "called":
        await page.locator("summary", has_text="VS Code").click()
        await page.get_by_role("button", name="Call the tool").click()
        await expect(page.locator("#result-items li").first).to_be_visible()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
