"""The check that no log holds a secret can fail."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.secret_leaks import RUN, Run

KEY = "rmcp_" + "k" * 43
CLEAN = {
    "MCP_MASTER_KEY": "m" * 43,
    "REDIS_URL": "redis://ann:p4ssw0rd-of-ann@h:1/0",
    "REDDIT_CLIENT_SECRET": "c1ient-s3cret",
}


@pytest.fixture
def run() -> Run:
    return Run()


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f"the key is {KEY}", "API key"),
        ("master " + "m" * 43, "MCP_MASTER_KEY"),
        ("cannot reach redis://ann:p4ssw0rd-of-ann@h", "REDIS_URL"),
        ("sent c1ient-s3cret", "REDDIT_CLIENT_SECRET"),
        ("older master o0o0o0o0", "MCP_MASTER_KEY"),
        ("Authorization: Bearer ey" + "a" * 20 + ".ey" + "b" * 20 + "." + "c" * 20, "OAuth token"),
        ("signed with whsec_" + "Aa0+/" * 5, "webhook secret"),
        ("authorization: bearer token-12", "Reddit token"),
        ("a test's own-secret-value", "of a test"),
        ("kept in master.key: generated-master", "master.key"),
    ],
)
def test_a_secret_in_a_log_is_found_and_not_repeated(tmp_path: Path, run: Run, line: str, kind: str) -> None:
    (tmp_path / "master.key").write_text("generated-master\n")
    masters = CLEAN["MCP_MASTER_KEY"] + ",o0o0o0o0"
    run.settings({**CLEAN, "MCP_MASTER_KEY": masters, "LOG_FILE": str(tmp_path / "log"), "DATA_DIR": str(tmp_path)})
    run.secret("of a test", "own-secret-value")
    (tmp_path / "log").write_text("all is well\n")
    assert run.leaks() == []
    (tmp_path / "log.2026-11-21").write_text(f'{{"event": "{line}"}}\n')  # a rotated one counts too
    assert run.leaks() == [f"log.2026-11-21 holds a secret: {kind}"]


def test_short_words_are_no_secrets(tmp_path: Path, run: Run) -> None:
    run.settings({"REDDIT_CLIENT_SECRET": "secret", "REDIS_URL": "redis://h:6379", "LOG_FILE": str(tmp_path / "log")})
    assert run.secrets == {}


def says(line: str, *words: str, text: bool = True) -> tuple[object, object]:
    """A process with this Python expression's text on both streams, and what its parent reads."""
    program = f"import sys; print({line}); print({line}, file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=text, check=True)
    return ended.stdout, ended.stderr


@pytest.mark.parametrize("text", [True, False])
def test_the_output_of_our_processes_is_copied_and_reaches_its_reader(text: bool) -> None:
    line, before = "höre" * 50_000, len(RUN.logs)
    wanted = line + "\n" if text else f"{line}\n".encode()
    assert says("'höre' * 50_000", "reddit_mcp", text=text) == (wanted, wanted)
    assert [log.read_text() for log in RUN.logs[before:]] == [line + "\n"] * 2


async def test_processes_of_asyncio_are_no_exception() -> None:
    before, pipe = len(RUN.logs), asyncio.subprocess.PIPE
    words = [sys.executable, "-c", "print('said')", "reddit_mcp"]
    process = await asyncio.create_subprocess_exec(*words, stdout=pipe)
    assert (await process.communicate())[0] == b"said\n"
    assert RUN.logs[before].read_text() == "said\n"


def test_the_output_of_others_is_not() -> None:
    before = len(RUN.logs)
    says("'hello'")
    assert len(RUN.logs) == before


def test_keys_that_the_command_line_makes_are_known_and_its_output_is_no_log() -> None:
    key, before = "rmcp_" + "z" * 43, len(RUN.logs)
    program = f"print('key: {key}')"
    subprocess.run([sys.executable, "-c", program, "reddit_mcp", "keys", "create"], capture_output=True, check=True)
    assert RUN.secrets.pop(key) == "API key"
    assert [log.exists() for log in RUN.logs[before:]] == [False]


LEAKING = """
import subprocess, sys
from tests.support.secret_leaks import no_secret_is_in_any_log

def test_that_passes_while_a_server_tells_its_secret():
    program = "import os; print(os.environ['MCP_MASTER_KEY'])"
    words = [sys.executable, "-c", program, "reddit_mcp"]
    subprocess.run(words, env={"MCP_MASTER_KEY": "the-master-of-all"}, stdout=subprocess.PIPE, check=True)
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "several workers"])
def test_a_run_whose_servers_log_a_secret_fails(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "test_leaking.py").write_text(LEAKING)
    words = [
        sys.executable,
        "-m",
        "pytest",
        "--rootdir",
        str(tmp_path),
        "-p",
        "no:cacheprovider",
        *workers,
        str(tmp_path),
    ]
    ended = subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "1 passed, 1 error" in ended.stdout
    assert "holds a secret: MCP_MASTER_KEY" in ended.stdout
    assert "the-master-of-all" not in ended.stdout.replace(LEAKING, "")
