import base64
import stat
import threading
from pathlib import Path

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage.api_keys import master_secrets
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets, open_secrets, parse

ONE, OTHER = bytes(range(224, 256)), bytes(range(32))  # the first one's base64 holds + and /


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("MCP_MASTER_KEY", "REDIS_URL", "AUTH_MODE", "MCP_SERVER_HOST"):
        monkeypatch.delenv(name, raising=False)
    return Settings(_env_file=None, data_dir=tmp_path / "data")


@pytest.mark.parametrize(
    "text",
    [
        ONE.hex(),
        ONE.hex().upper(),
        base64.b64encode(ONE).decode(),
        base64.urlsafe_b64encode(ONE).decode(),
        base64.urlsafe_b64encode(ONE).decode().rstrip("="),
        f" {ONE.hex()}\n",
    ],
)
def test_a_master_may_be_base64_or_hex(text: str) -> None:
    assert parse(text, "X") == (ONE,)


def test_several_masters_keep_their_order() -> None:
    assert parse(f"{ONE.hex()}, {OTHER.hex()}", "X") == (ONE, OTHER)


@pytest.mark.parametrize("text", ["", "short", "é" * 43, "a" * 42, "a" * 64 + "g", f"{ONE.hex()},", ONE.hex()[:-1]])
def test_anything_else_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(Unavailable, match="MCP_MASTER_KEY must be 32 random bytes") as caught:
        parse(text, "MCP_MASTER_KEY")
    assert not text or text not in str(caught.value)


def test_derivation_is_hkdf() -> None:
    known = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"  # RFC 5869, test case 3, 32 bytes
    assert master_secrets._hkdf(b"\x0b" * 22, b"").hex() == known


def test_purposes_and_masters_have_secrets_of_their_own() -> None:
    both = MasterSecrets([ONE, OTHER])
    derived = {*both.derive("a"), *both.derive("b"), ONE, OTHER}
    assert len(derived) == 6
    assert both.derive("a")[1:] == MasterSecrets([OTHER]).derive("a")


def test_a_master_is_made_once_and_kept_for_this_user_alone(settings: Settings) -> None:
    first, second = open_secrets(settings), open_secrets(settings)
    assert first.derive("x") == second.derive("x")
    kept = settings.data_dir / "master.key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700
    assert list(settings.data_dir.iterdir()) == [kept]  # no draft is left
    given = settings.model_copy(update={"mcp_master_key": Settings(mcp_master_key=kept.read_text()).mcp_master_key})
    assert open_secrets(given).derive("x") == first.derive("x")


def test_many_at_once_end_with_one_master(settings: Settings) -> None:
    found, start = [], threading.Barrier(8)

    def work() -> None:
        start.wait()
        found.append(open_secrets(settings).derive("x"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"redis_url": "redis://localhost"}, "REDIS_URL is set"),
        ({"auth_mode": "api_key"}, "API keys are asked for"),
        ({"mcp_server_host": "0.0.0.0"}, "API keys are asked for"),
        ({"auth_mode": "none", "redis_url": "redis://localhost"}, "REDIS_URL is set"),
    ],
)
def test_a_master_must_be_given_where_others_depend_on_it(
    settings: Settings, given: dict[str, str], reason: str
) -> None:
    demanding = Settings(_env_file=None, data_dir=settings.data_dir, **given)  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match=f"MCP_MASTER_KEY is required, because {reason}; make one with") as caught:
        open_secrets(demanding)
    assert "\n" not in str(caught.value)
    assert not settings.data_dir.exists()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff\xfe"])
def test_a_broken_file_is_named(settings: Settings, content: bytes) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "master.key").write_bytes(content)
    with pytest.raises(Unavailable, match=r"master\.key in DATA_DIR must be"):
        open_secrets(settings)


def test_a_folder_that_cannot_be_used_is_one_line(settings: Settings) -> None:
    settings.data_dir.write_text("not a folder")
    with pytest.raises(Unavailable, match="DATA_DIR cannot keep"):
        open_secrets(settings)
