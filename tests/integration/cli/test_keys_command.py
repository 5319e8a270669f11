"""`keys`, as an operator runs it."""

import json
import secrets
from pathlib import Path

import pytest

from tests.support.keyed_servers import House
from tests.support.redis_store import servers, until


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    master = secrets.token_urlsafe(32)
    return House(tmp_path_factory.mktemp("house"), {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": master})


def test_the_operator_s_actions_fail_closed(house: House, tmp_path: Path) -> None:
    away = House(tmp_path, {**house.settings, "REDIS_URL": "redis://127.0.0.1:1"})
    for words in (["list"], ["revoke", "x"], ["rotate", "--all"], "create --user u --name n --tier pro".split()):
        failed = away.run(*words)
        assert (failed.returncode, failed.stdout) == (1, "")
        assert "does not answer" in failed.stderr
        assert failed.stderr.count("\n") == 1


def test_the_command_line_lists_and_explains(house: House) -> None:
    made = house.create("list-me", "--role", "operator", "--expires", "30")
    assert (made["role"], made["tier"], made["expires"][-1]) == ("operator", "pro", "Z")
    shown = house.run("list").stdout
    (line,) = (line for line in shown.splitlines() if made["id"] in line)
    assert line.split()[1:6] == ["list-me", "test", "pro", "operator", "active"]
    assert made["key"] not in shown
    text = house.run("create", "--user", "plain", "--name", "n", "--tier", "paid").stdout
    assert text.startswith("rmcp_")
    assert "plain (pro)" in text
    assert text.count("rmcp_") == 1


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["revoke", "nobody"], 1, "no API key of this id"),
        (["rotate", "nobody"], 1, "no API key of this id"),
        (["rotate"], 2, "one of the arguments id --all is required"),
        (["create", "--user", "a b", "--name", "n", "--tier", "free"], 1, "user must be"),
        (["create", "--user", "ada", "--name", "n", "--tier", "gold"], 2, "invalid choice: 'gold'"),
        (["create", "--user", "ada", "--name", "n", "--tier", "free", "--expires", "0"], 1, "--expires must be"),
        ([], 2, "required: action"),
    ],
)
def test_a_mistake_is_one_line(house: House, words: list[str], code: int, part: str) -> None:
    ended = house.run(*words)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert part in ended.stderr
    assert ended.stderr.count("\n") == 1


async def test_all_keys_are_rotated_at_once(tmp_path: Path) -> None:
    house = House(tmp_path, {})  # without AUTH_MODE the master is made in DATA_DIR
    assert json.loads(house.run("rotate", "--all").stdout)["status"] == "nothing_to_rotate"
    made = [house.create(user) for user in ("ada", "bob", "ada")]
    rotated = json.loads(house.run("rotate", "--all").stdout)
    assert rotated["affected_users"] == ["ada", "bob"]
    assert {each["replaces"] for each in rotated["keys"]} == {each["id"] for each in made}
    await until(lambda: not servers(tmp_path))
