"""A fake Arctic Shift for each test, furnished or empty."""

from collections.abc import AsyncIterator

import pytest

from tests.support.arctic_shift import Bench, arctic, bench
from tests.support.scripted_reddit import reddit

__all__ = ["arctic", "reddit"]


@pytest.fixture
async def empty() -> AsyncIterator[Bench]:
    async with bench() as found:
        yield found
