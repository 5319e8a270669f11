"""The image's recipe: linted, its sources there, its dependencies pinned, its commands real. No engine is needed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reddit_mcp.cli.parser import main
from tests.support.redis_store import free_port

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
TEXT = DOCKERFILE.read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
LINTER = Path(sys.executable).parent / "hadolint"


def instructions() -> list[tuple[str, str]]:
    """Each instruction's word and the rest of its line, continued lines joined, without comments."""
    lines = "\n".join(line for line in TEXT.splitlines() if not line.startswith("#")).replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.strip().partition(" ") for line in lines) if word]


def all_of(word: str) -> list[str]:
    return [rest for found, rest in instructions() if found == word]


def executed(words: str) -> list[str]:
    """A command in its JSON form, which no shell touches."""
    command: list[str] = json.loads(words)
    return command


def lint(path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([LINTER, "--no-color", path], capture_output=True, text=True, check=False)


def test_the_linter_finds_nothing() -> None:
    done = lint(DOCKERFILE)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_linter_finds_what_is_wrong(tmp_path: Path) -> None:
    copy = tmp_path / "Dockerfile"
    copy.write_text(TEXT.replace("USER myuser", "USER root").replace("actor-python:3.13", "actor-python"))
    assert {"DL3002", "DL3006"} <= set(re.findall(r"DL\d+", lint(copy).stdout))


def test_what_the_linter_may_overlook_has_a_reason() -> None:
    lines = TEXT.splitlines()
    overlooked = [number for number, line in enumerate(lines) if "hadolint ignore" in line]
    assert [lines[number] for number in overlooked if not re.match(r"# [A-Z].{20,}", lines[number - 1])] == []


def test_every_stage_stands_on_the_base_image_of_the_platform() -> None:
    bases = [rest.split()[0] for rest in all_of("FROM")]
    versions = [re.fullmatch(r"apify/actor-python:3\.(\d+)", base) for base in bases]
    assert len(set(bases)) == 1  # an environment does not move to another Python
    assert all(version and int(version[1]) >= 13 for version in versions)


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    sources = [words.split()[:-1] for words in all_of("COPY") if not words.startswith("--from")]
    names = {name.removeprefix("./") for group in sources for name in group}
    assert [name for name in names if not (ROOT / name).exists()] == []
    assert {f"!{name}" for name in names} == {line for line in IGNORED if line.startswith("!")}


def test_nothing_else_reaches_the_build() -> None:
    patterns = [line for line in IGNORED if line and not line.startswith(("#", "!"))]
    assert patterns[0] == "*"
    assert IGNORED.index("*") < min(i for i, line in enumerate(IGNORED) if line.startswith("!"))
    assert {"**/__pycache__", "**/*.egg-info"} <= set(patterns)


def test_every_requirement_is_pinned_by_hashes() -> None:
    requirements = re.split(r"\n(?=\S)", (ROOT / "requirements.txt").read_text(encoding="utf-8"))
    pins = [text for text in requirements if not text.startswith("#")]
    assert len(pins) > 50
    assert [text for text in pins if not re.match(r"\S+==\S+.*\\\n +--hash=sha256:[0-9a-f]{64}", text)] == []
    assert any("--require-hashes --requirement requirements.txt" in rest for rest in all_of("RUN"))


def test_no_tool_that_builds_is_left() -> None:
    runs = " ".join(all_of("RUN"))
    assert "apt" not in runs
    assert "--only-binary :all: " in runs  # nothing is compiled, so nothing that compiles is needed
    assert "--without-pip" in runs
    assert "uninstall --yes setuptools" in runs


def test_the_server_does_not_run_as_root() -> None:
    final = instructions()[[word for word, _ in instructions()].index("FROM", 1) :]
    assert [rest for word, rest in final if word == "USER"] == ["myuser"]
    after = [word for word, _ in final[[word for word, _ in final].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)


def test_the_command_exists(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = all_of("CMD")
    python, option, module, *words = executed(command)
    assert (python, option, module) == ("python", "-m", "reddit_mcp")
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


def healthy(port: int | None) -> bool:
    """Whether the image's own check finds a server at the port."""
    (rest,) = all_of("HEALTHCHECK")
    python, *words = executed(rest.partition("CMD ")[2])
    assert python == "python"
    environment = {**os.environ, "MCP_SERVER_PORT": str(port)}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, check=False).returncode == 0


def test_the_health_check_tells_a_server_from_none(base_url: str) -> None:
    assert healthy(urlsplit(base_url).port)
    assert not healthy(free_port())


def test_the_health_check_is_made_every_ten_seconds() -> None:
    (rest,) = all_of("HEALTHCHECK")
    assert "--interval=10s" in rest.split()
