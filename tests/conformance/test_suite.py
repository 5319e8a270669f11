"""The official conformance suite, both protocol revisions, against the real application."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.foreign import Foreign, output
from tests.support.patience import PATIENCE_SECONDS
from tests.support.server_process import address, environment, give_sample

pytestmark = pytest.mark.timeout(900)  # downloads

ROOT = Path(__file__).parents[2]
LEDGER: dict[str, dict[str, str]] = tomllib.loads((Path(__file__).parent / "ledger.toml").read_text(encoding="utf-8"))
REQUIRED = {"2025-11-25": 30, "2026-07-28": 37}
"""Scenarios that a claim of conformance needs; the suite runs some more."""

SUMMARY = re.compile(r"^([✓✗]) ([a-z0-9-]+): \d+ passed, \d+ failed$", re.MULTILINE)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server with the suite's own tools beside its eight."""
    give_sample(data_dir := tmp_path_factory.mktemp("data"))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.everything", "serve", "--port", "0"],
        env=environment(data_dir),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield address(process) + "/mcp"
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize("revision", LEDGER)
def test_every_scenario_passes_that_the_ledger_does_not_excuse(
    revision: str, url: str, foreign: Foreign, tmp_path: Path
) -> None:
    suite = foreign.module("@modelcontextprotocol/conformance/dist/index.js")
    done = output(foreign.node, suite, "server", "--url", url, "--requirements", revision, "-o", tmp_path)
    verdicts = {name: mark == "✓" for mark, name in SUMMARY.findall(done.stdout)}
    assert len(verdicts) >= REQUIRED[revision], done.stdout + done.stderr
    failed = {name for name, passed in verdicts.items() if not passed}
    assert failed - set(LEDGER[revision]) == set(), done.stdout
    assert set(LEDGER[revision]) - failed == set(), "these pass now: take them out of the ledger"


def test_every_excuse_says_why() -> None:
    reasons = [reason for scenarios in LEDGER.values() for reason in scenarios.values()]
    assert all(len(reason.split()) > 1 and reason.endswith(".") for reason in reasons)
    assert [name for name, reason in LEDGER["2026-07-28"].items() if not reason.startswith("Not scored.")] == []


def test_the_strictest_reader_of_schemas_finds_nothing(url: str, foreign: Foreign) -> None:
    inspector = foreign.module("@modelcontextprotocol/inspector/clients/launcher/build/index.js")
    words = ["--cli", url, "--transport", "http", "--method", "tools/list", "--strict", "--format", "json", "-q"]
    done = output(foreign.node, inspector, *words)
    assert done.returncode == 0, done.stderr
