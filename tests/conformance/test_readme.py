"""The documents say what the code says, and what they tell people to type exists."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.cli.parser import main
from reddit_mcp.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


SHELL_LINES = [line.partition("#")[0].split() for block in blocks("sh") for line in block.splitlines()]
COMMANDS = [
    words[i + 1 :] for words in SHELL_LINES for i, word in enumerate(words) if word.endswith("bin/mcp-for-reddit")
]
GENERATED = runpy.run_path(str(ROOT / "scripts" / "generate_docs.py"))["rendered"]()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_generated_parts_are_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run `make docs`"


def test_every_tool_and_setting_is_in_the_readme() -> None:
    for name in ("search_reddit", "watch_keywords", *Settings.variables()):
        assert f"\n| `{name}` |" in README


def test_the_example_environment_says_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.variables():
        monkeypatch.delenv(name.upper(), raising=False)
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    copy = tmp_path / ".env"
    copy.write_text(re.sub(r"^#(?=[A-Z0-9_]+=)", "", example, flags=re.MULTILINE), encoding="utf-8")
    assert sorted(re.findall(r"^([A-Z0-9_]+)=", copy.read_text(), re.MULTILINE)) == sorted(
        name for name in Settings.variables()
    )
    assert Settings(_env_file=copy) == Settings(_env_file=None)


@pytest.mark.parametrize("block", blocks("json"))
def test_client_configurations_name_a_server_each(block: str) -> None:
    config: dict[str, Any] = json.loads(block)
    ((_, servers),) = config.items()
    for server in servers.values():
        assert ("url" in server) != ("command" in server)
        assert server.get("url", "http://127.0.0.1:8080/mcp") == "http://127.0.0.1:8080/mcp"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_exist(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    actions = words[: 2 if words[0] in ("archive", "keys") else 1]
    with pytest.raises(SystemExit) as ended:
        main([*actions, "--help"])
    usage = capsys.readouterr().out
    assert ended.value.code == 0
    assert [word for word in words if word.startswith("--") and word not in usage] == []


def test_make_targets_exist() -> None:
    phony = re.search(r"^\.PHONY:(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    told = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert set(re.findall(r"(?:^|`|\d )make ([a-z-]+)", told, re.MULTILINE)) <= set(phony[1].split())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", document.read_text(encoding="utf-8"))  # what is code links nowhere
    links = re.findall(r"\]\(([^)#]+)", text)
    inside = [link for link in links if "://" not in link]
    assert [link for link in inside if not (document.parent / link).exists()] == []
