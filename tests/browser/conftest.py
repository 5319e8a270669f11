"""The browser that the tests of pages use."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import browsing, chromium


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium; where there is none, tests that look at pages are skipped."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium on this machine: install Debian's package `chromium`, or name one in CHROMIUM")
    async with browsing(program) as running:
        yield running
