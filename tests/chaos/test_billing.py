"""kill -9 between a charge and the note of it: nothing is lost, nothing is charged twice."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.billed_actor import billed_server
from tests.support.fake_platform import FakePlatform, Fault
from tests.support.redis_store import until

CALLS = 10


@pytest.mark.parametrize("applied", [True, False])
async def test_a_process_that_is_killed_while_it_charges(tmp_path: Path, *, applied: bool) -> None:
    """Each call was worked on and its charge is under way; the platform has booked it, or has not."""
    platform = FakePlatform()
    charging = 0

    def hanging(path: str, _number: int) -> Fault | None:
        nonlocal charging
        charging += "/charge" in path
        return Fault(hang=True, applied=applied) if "/charge" in path else None

    with platform.running():
        async with billed_server(tmp_path, platform) as server:
            platform.mishap = hanging
            calls = [asyncio.create_task(_lost(server.call("search_reddit", query="garden"))) for _ in range(CALLS)]
            await until(lambda: (len(platform.charges) if applied else charging) >= CALLS)
            server.process.kill()
            await asyncio.gather(*calls)
        assert platform.charged == ({"tool-call": CALLS} if applied else {})
        platform.heal()
        async with billed_server(tmp_path, platform) as again:  # the run goes on elsewhere
            await until(lambda: len(platform.charges) + len(platform.charging.repeated) >= CALLS * (1 + applied))
            await again.call("search_reddit", query="garden")
    assert platform.charged == {"tool-call": CALLS + 1}
    assert len({charge.key for charge in platform.charges}) == CALLS + 1


async def test_a_store_that_goes_away_costs_no_charge(tmp_path: Path) -> None:
    """Without a ledger each call is still charged, once."""
    platform = FakePlatform()
    with platform.running():
        async with billed_server(
            tmp_path, platform, REDIS_URL="redis://127.0.0.1:9", MCP_MASTER_KEY="11" * 32
        ) as server:
            answers = [await server.call("search_reddit", query="garden") for _ in range(5)]
    assert not any("error" in answer for answer in answers)
    assert platform.charged == {"tool-call": 5}


async def _lost(call: Any) -> None:
    with contextlib.suppress(httpx.HTTPError):
        await call
