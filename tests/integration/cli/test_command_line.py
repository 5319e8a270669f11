"""The command line: one clear line for what goes wrong, no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.server_process import environment, give_sample, sample


def run(*words: str, data_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "reddit_mcp", *words]
    everything = environment(data_dir, **settings)
    return subprocess.run(line, env=everything, cwd=data_dir, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("words", "settings", "part"),
    [
        (["serve", "--nope"], {}, "unrecognized arguments: --nope"),
        (["dance"], {}, "invalid choice: 'dance'"),
        ([], {}, "required: command"),
        (["serve"], {"MCP_SERVER_PORT": "lots"}, "MCP_SERVER_PORT: "),
        (["serve", "--port", "99999"], {}, "MCP_SERVER_PORT: "),
        (["serve", "--host", "0.0.0.0"], {}, "MCP_MASTER_KEY"),
        (["serve", "--host", "0.0.0.0"], {"AUTH_MODE": "none"}, "ALLOW_ANONYMOUS=1"),
        (["serve"], {"ARCHIVE_DB": __file__}, "ARCHIVE_DB"),
        (["serve"], {"TIERS": "[]"}, "TIERS: "),
        (["serve"], {"REDIS_URL": "http://x"}, "REDIS_URL: "),
        (["serve"], {"ARCHIVE_DB": "/nonexistent/archive.sqlite"}, "ARCHIVE_DB"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, words: list[str], settings: dict[str, str], part: str) -> None:
    ended = run(*words, data_dir=tmp_path, **{"MCP_SERVER_PORT": "0", **settings})
    assert ended.returncode in (1, 2)
    assert part in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_doctor_says_that_the_sample_answers_where_nothing_else_does(tmp_path: Path) -> None:
    give_sample(tmp_path)
    ended = run("doctor", data_dir=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    told = [line.split(":")[0] for line in ended.stdout.splitlines()]
    assert told == ["ok    redis", "ok    cache", "warn  arctic_shift", "ok    billing"]


def test_doctor_says_what_to_do_about_an_unreachable_reddit_and_redis(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1"
    ended = run(
        "doctor",
        data_dir=tmp_path,
        REDIS_URL="redis://:s3cret@127.0.0.1:1",
        REDDIT_CLIENT_ID="id",
        REDDIT_CLIENT_SECRET="s3cret",
        REDDIT_OAUTH_URL=nowhere,
        REDDIT_URL=nowhere,
    )
    assert ended.returncode == 1
    told = [line.split(":")[0] for line in ended.stdout.splitlines()]
    assert told == ["FAIL  redis", "ok    cache", "FAIL  reddit", "ok    billing"]
    assert "s3cret" not in ended.stdout + ended.stderr
    assert "app-registration before 12 January 2027" in ended.stdout


def test_doctor_says_when_reddit_closes_while_credentials_are_set(tmp_path: Path) -> None:
    with SqliteStore(sample()) as store, serving(store) as url:
        settings = {"REDDIT_CLIENT_ID": "id", "REDDIT_CLIENT_SECRET": "s3cret"}
        ended = run("doctor", data_dir=tmp_path, REDDIT_OAUTH_URL=url, REDDIT_URL=url, **settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    (line,) = (line for line in ended.stdout.splitlines() if line.startswith("warn  reddit: "))
    assert "app-registration before 12 January 2027" in line
    assert "in March 2027 Reddit's Data API closes to all" in line


def test_a_version_is_told(tmp_path: Path) -> None:
    assert run("--version", data_dir=tmp_path).stdout.strip()
