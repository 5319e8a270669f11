"""A real Chromium: Debian's, or the one that CHROMIUM names."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
FLAGS = """
    --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
    --disable-sync
""".split()

RECORD = """
    window.refusedByPolicy = [];
    addEventListener("securitypolicyviolation", (event) => window.refusedByPolicy.push(event.violatedDirective));
"""


def chromium() -> str | None:
    """The browser's program, if there is one."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@contextlib.asynccontextmanager
async def browsing(program: str) -> AsyncIterator[Browser]:
    """A running browser with a profile of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Visit:
    """A page, and what went wrong in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    async def faults(self) -> list[str]:
        """Errors on the console, uncaught ones, foreign requests, and what the Content Security Policy refused."""
        refused: list[str] = await self.page.evaluate("window.refusedByPolicy")
        return [*self.complaints, *refused]

    async def serious(self) -> list[str]:
        """What axe-core finds serious or critical."""
        found = await Axe().run(self.page)
        grave = [each for each in found.response["violations"] if each["impact"] in ("serious", "critical")]
        return [f"{each['id']}: {node['html']}" for each in grave for node in each["nodes"]]

    async def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        wider: int = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return wider


@contextlib.asynccontextmanager
async def visiting(browser: Browser, width: int, scheme: str) -> AsyncIterator[Visit]:
    """A page in a window of this width and colour scheme (`light` or `dark`)."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    await context.add_init_script(RECORD)
    visit = Visit(await context.new_page())
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on("console", lambda said: visit.complaints.append(said.text) if said.type == "error" else None)
    try:
        yield visit
    finally:
        await context.close()
