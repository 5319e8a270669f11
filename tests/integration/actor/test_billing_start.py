"""What a run is told about its prices when it starts, and what `doctor` says of them."""

import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from reddit_mcp.cli.parser import main
from tests.support.billed_actor import actor, billed_server, is_good
from tests.support.fake_platform import FakePlatform
from tests.support.fake_platform.platform import PRICES
from tests.support.fake_platform.run import pricing as described_pricing
from tests.support.patience import PATIENCE_SECONDS
from tests.support.server_process import environment


async def test_an_actor_that_is_not_pay_per_event_serves_for_nothing_and_says_so(tmp_path: Path) -> None:
    platform = FakePlatform(prices=None)
    with platform.running():
        async with billed_server(tmp_path, platform) as server:
            assert is_good(await server.call("search_reddit", query="garden"))
        assert "billing_off" in server.log
    assert not any("/charge" in path for _, path in platform.requests)


def test_an_event_without_a_price_is_fatal(tmp_path: Path) -> None:
    platform = FakePlatform(prices={"comments-expanded": 0.003})
    with platform.running(), actor(tmp_path, platform) as process:
        assert process.wait(PATIENCE_SECONDS) == 1
    log = (tmp_path / "actor.log").read_text()
    assert "no price for: tool-call, watch-match" in log
    assert "Traceback" not in log


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """`doctor` in this process: its exit code and what it says about billing."""

    def run(**settings: str) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        with patch.dict(os.environ, environment(tmp_path, **settings), clear=True):
            code = main(["doctor"])
        told, complained = capsys.readouterr()
        assert "Traceback" not in complained
        return code, next(line for line in told.splitlines() if " billing: " in line)

    return run


@pytest.mark.parametrize(
    ("prices", "status", "line"),
    [
        (PRICES, 0, "ok    billing: comments-expanded $0.003, tool-call $0.002, watch-match $0.001"),
        ({"tool-call": 0.002}, 1, "FAIL  billing: The Actor's pricing on Apify has no price for: comments-expanded"),
        (None, 0, "warn  billing: the Actor is not pay-per-event"),
    ],
    ids=["priced", "unpriced", "free"],
)
def test_doctor_checks_the_prices(doctor: Any, prices: dict[str, float] | None, status: int, line: str) -> None:
    platform = FakePlatform(prices=prices)
    with platform.running():
        code, told = doctor(**platform.environment())
    assert told.startswith(line)
    assert code == status


def test_doctor_reads_the_prices_of_the_environment_and_needs_none(doctor: Any) -> None:
    pricing = json.dumps(described_pricing({"tool-call": 0.002}))
    assert doctor() == (0, "ok    billing: no Apify run, so nothing is billed")
    assert doctor(APIFY_ACTOR_PRICING_INFO=pricing)[1].startswith("FAIL  billing: The Actor's pricing")


def test_doctor_says_that_the_platform_knows_no_such_run(doctor: Any) -> None:
    platform = FakePlatform()
    with platform.running():
        _, told = doctor(**platform.environment() | {"ACTOR_RUN_ID": "of-nobody"})
    assert told.startswith("FAIL  billing: The Apify platform does not tell how this run is billed")
