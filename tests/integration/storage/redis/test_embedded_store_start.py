"""How the embedded store starts: any folder, stale traces of others, and clear words where it cannot."""

import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.redis import embedded_store as module
from reddit_mcp.storage.redis import store_files
from reddit_mcp.storage.redis.embedded_store import embedded_store
from reddit_mcp.storage.redis.store_files import StoreFiles, find_server
from tests.support.embedded_store import data_dir as data_dir  # noqa: PLC0414 - fixtures
from tests.support.embedded_store import opened, read, write
from tests.support.redis_store import User, servers, until

# ruff: noqa: ASYNC240 - a test may wait for its own small files
pytestmark = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds processes by proc(5)")


@pytest.mark.parametrize("name", ["a" * 200, "naïve 日本 \"quoted\" 'too' $(x) %41 #?"])
async def test_any_data_dir_works(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "data"
    async with opened(folder) as store:
        await write(store, "key", "value")
    await until(lambda: not servers(folder))
    async with opened(folder) as store:
        assert await read(store, "key") == b"value"
    await until(lambda: not servers(folder))


async def test_a_relative_data_dir_works(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data_dir.parent)
    async with opened(Path("data")) as store:
        assert await store.ping() > 0
        assert len(servers(data_dir)) == 1


async def test_a_long_temporary_folder_is_avoided(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("t" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    async with opened(data_dir) as store:
        assert await store.ping() > 0
    assert not list(long.iterdir())


STALE = [b"", b"/", b".", b"reddit-mcp-x", b"/tmp/reddit-mcp-\0", b"\xff\xfe", b"/nowhere/reddit-mcp-x"]


@pytest.mark.parametrize("content", [*STALE, b"/tmp/" + b"t" * 100 + b"/reddit-mcp-x"])
async def test_a_stale_socket_name_is_replaced(data_dir: Path, content: bytes) -> None:
    data_dir.mkdir()
    (data_dir / "store.socket").write_bytes(content)
    async with opened(data_dir) as store:
        assert await store.ping() > 0


async def test_a_stale_socket_is_taken_over(data_dir: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="reddit-mcp-"))
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "s"))
    data_dir.mkdir()
    (data_dir / "store.socket").write_text(str(folder))
    async with opened(data_dir) as store:
        assert await store.ping() > 0
        assert (data_dir / "store.socket").read_text() == str(folder)


async def test_a_folder_open_to_others_is_not_used(data_dir: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="reddit-mcp-"))
    folder.chmod(0o755)
    data_dir.mkdir()
    (data_dir / "store.socket").write_text(str(folder))
    async with opened(data_dir) as store:
        assert await store.ping() > 0
        assert (data_dir / "store.socket").read_text() != str(folder)
    folder.rmdir()


async def test_a_truncated_log_is_read_up_to_the_cut(data_dir: Path) -> None:
    async with opened(data_dir) as store:
        await write(store, "key", "value")
        await write(store, "last", "cut off")
    await until(lambda: not servers(data_dir))
    (journal,) = (data_dir / "store" / "appendonlydir").glob("*.incr.aof")
    journal.write_bytes(journal.read_bytes()[:-4])
    async with opened(data_dir) as store:
        assert await read(store, "key") == b"value"
        assert await read(store, "last") is None


async def test_a_data_dir_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match=r"DATA_DIR: Not a directory\."):
        async with embedded_store(tmp_path / "file" / "data"):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_a_read_only_data_dir_is_named(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    os.seteuid(65534)
    try:
        with pytest.raises(Unavailable, match=r"DATA_DIR: Permission denied\."):
            async with embedded_store(folder):
                pass
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


async def test_without_a_program_there_is_a_hint(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="install one"):
        async with embedded_store(data_dir):
            pass


def test_a_package_without_its_program_is_no_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: package)
    with pytest.raises(Unavailable, match="install one"):
        find_server()


def test_a_store_never_started_has_no_address(tmp_path: Path) -> None:
    assert StoreFiles(tmp_path).url() is None
    assert StoreFiles(tmp_path).is_dead()


def test_a_program_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == str(program)


async def test_a_server_that_ends_at_once_is_reported(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(store_files._OPTIONS, "appendfsync", "never-ever")
    with pytest.raises(Unavailable, match=r"cannot start in DATA_DIR: .*(?i:argument|must be)"):
        async with embedded_store(data_dir):
            pass


async def test_a_silent_server_is_reported(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = await User.start(data_dir)
    (server,) = servers(data_dir)
    os.kill(server, signal.SIGSTOP)
    monkeypatch.setattr(module, "START_SECONDS", 0.3)
    try:
        with pytest.raises(Unavailable, match="does not answer"):
            async with embedded_store(data_dir):
                pass
    finally:
        os.kill(server, signal.SIGCONT)
        await user.leave()


async def test_a_lost_address_is_reported(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(data_dir):
        (data_dir / "store.socket").write_bytes(b"\xff")
        monkeypatch.setattr(module, "START_SECONDS", 0.2)
        with pytest.raises(Unavailable, match="does not answer"):
            async with embedded_store(data_dir):
                pass
