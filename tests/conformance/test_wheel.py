"""What `pip install` gives: the wheel, alone with its dependencies in an empty environment, used by a real client."""

import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
SOURCES = ("pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.timeout(600)  # downloads


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that neither leftovers of older builds get in nor new ones stay."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__", ".*"))
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)
    _run(*PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "dist", folder)
    (built,) = (folder / "dist").iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which nothing but the wheel was asked for."""
    folder = tmp_path_factory.mktemp("environment")
    _run(sys.executable, "-m", "venv", "--without-pip", folder)
    _run(*PIP, "--python", folder, "install", "--quiet", "--no-compile", wheel)
    return folder / "bin"


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    paths = [path.relative_to(ROOT / "src") for path in (ROOT / "src" / "reddit_mcp").rglob("*") if path.is_file()]
    files = {path.as_posix() for path in paths if not any(part.startswith((".", "__pycache__")) for part in path.parts)}
    with zipfile.ZipFile(wheel) as archive:
        assert files <= set(archive.namelist())


def test_every_dependency_is_bounded_above(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        needs = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []
    assert needs
    assert [need for need in needs if "<" not in need.split(";")[0] and "==" not in need.split(";")[0]] == []


async def test_a_client_uses_the_installed_server_over_stdio(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    server = StdioServerParameters(
        command=str(installed / "mcp-for-reddit"),
        args=["serve", "--transport", "stdio"],
        env={"DATA_DIR": str(tmp_path / "data")},
        cwd=tmp_path / "elsewhere",
    )
    async with Client(server, read_timeout_seconds=60) as client:
        assert len((await client.list_tools()).tools) == 8
        listing = await _called(client, "get_subreddit_posts", subreddit="all", sort="top", time_filter="all", limit=5)
        word = max(listing["posts"][0]["title"].split(), key=len)
        search = await _called(client, "search_reddit", query=word, time_filter="all", limit=100)
    assert len(listing["posts"]) == 5
    assert listing["metadata"]["source"] == "sample"
    assert listing["posts"][0]["id"] in [post["id"] for post in search["results"]]


async def _called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    content: dict[str, Any] = result.structured_content
    return content
