"""The compose file: valid, hardened, and its stores as the server needs them. No engine is needed."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis.exceptions import AuthenticationError

from reddit_mcp.cli.parser import main
from reddit_mcp.settings import Settings
from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.storage.redis.durability import durability
from tests.conformance.foreign import Foreign, output
from tests.support.redis_store import answering, free_port, running_server

pytestmark = pytest.mark.timeout(900)  # downloads

Json = dict[str, Any]

FILE = Path(__file__).parents[2] / "monitoring" / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
SERVICES: dict[str, Json] = yaml.safe_load(TEXT)["services"]
PASSWORD = "hunter2"
STORES = ("state", "cache")


def valid(foreign: Foreign, path: Path) -> bool:
    """Whether the Compose Specification's own schema accepts a file."""
    checked = output(foreign.python, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path)
    return checked.returncode == 0


def test_it_keeps_to_the_specification(foreign: Foreign) -> None:
    assert valid(foreign, FILE)


def test_a_file_that_does_not_is_found(foreign: Foreign, tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(TEXT.replace("read_only: true", "readonly: true"))
    assert not valid(foreign, broken)


def test_the_profiles_start_the_server_or_the_stores() -> None:
    profiles = {name: service["profiles"] for name, service in SERVICES.items()}
    assert {name: profiles[name] for name in ("server", *STORES)} == {
        "server": ["server"],
        "state": ["server", "stores"],
        "cache": ["server", "stores"],
    }
    assert set(SERVICES["server"]["depends_on"]) == set(STORES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_and_contained(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["interval"] == "10s"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in service
    assert re.fullmatch(r"\S+:v?\d+\.\d+\.\d+(-\w+)?", service["image"])
    assert [port for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")] == []


def test_no_secret_stands_in_the_file() -> None:
    values = re.findall(r"\$\{(\w+)(:\?[^}]*)?\}", TEXT)
    assert {name for name, _ in values} == {"REDIS_PASSWORD"}
    assert all(refusal for _, refusal in values)  # an empty password would open the stores
    assert SERVICES["server"]["env_file"] == "../.env"


def test_the_server_is_given_settings_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    service = SERVICES["server"]
    assert set(service["environment"]) <= set(Settings.variables())
    with pytest.raises(SystemExit) as ended:
        main([*service["command"][3:], "--help"])
    assert ended.value.code == 0
    assert service["command"][:3] == ["python", "-m", "reddit_mcp"]


def test_the_server_has_time_to_finish() -> None:
    assert int(SERVICES["server"]["stop_grace_period"].removesuffix("s")) > 25


def options(name: str) -> list[str]:
    """What the store's program is started with, the password filled in."""
    program, *words = SERVICES[name]["command"]
    assert program == "valkey-server"
    return [re.sub(r"\$\{REDIS_PASSWORD[^}]*\}", PASSWORD, word) for word in words]


@pytest.mark.parametrize(
    ("name", "policy", "appends"), [("state", "noeviction", True), ("cache", "allkeys-lru", False)]
)
async def test_a_store_keeps_or_evicts_as_it_should(name: str, policy: str, appends: bool, tmp_path: Path) -> None:
    port = free_port()
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    async with running_server(tmp_path, *options(name), "--port", str(port), "--bind", "127.0.0.1"):
        await answering(url)
        async with connect(url, timeout=5.0) as redis:
            keeps = await durability(Store(redis, prefix="test:", timeout=5.0))
            memory = await redis.info("memory")
    assert (keeps.policy, keeps.appends) == (policy, appends)
    assert memory["maxmemory"] == 512 * 1024 * 1024


async def test_a_store_wants_its_password(tmp_path: Path) -> None:
    port = free_port()
    async with running_server(tmp_path, *options("state"), "--port", str(port), "--bind", "127.0.0.1"):
        await answering(f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
        async with connect(f"redis://127.0.0.1:{port}/0", timeout=5.0) as redis:
            with pytest.raises(AuthenticationError):
                await redis.ping()
