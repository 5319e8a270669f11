"""The embedded store with real processes: started once, shared, survived by nobody it should not be."""

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage import embedded as module
from reddit_mcp.storage import guard, home, open_store
from reddit_mcp.storage.connection import Store
from reddit_mcp.storage.embedded import embedded
from reddit_mcp.storage.home import Home, find_server
from tests.storage_fixtures import User, guards, servers, until

# ruff: noqa: ASYNC240 - a test may wait for its own small files
pytestmark = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds processes by proc(5)")


@pytest.fixture
async def data_dir(tmp_path: Path) -> AsyncIterator[Path]:
    """A data directory that no process is left in afterwards."""
    folder = tmp_path / "data"
    yield folder
    try:
        await until(lambda: not servers(folder) and not guards(folder))
    finally:
        for left in servers(folder) + guards(folder):
            os.kill(left, signal.SIGKILL)


def opened(folder: Path) -> AbstractAsyncContextManager[Store]:
    return open_store(Settings(data_dir=folder, redis_url=None))


async def write(store: Store, key: str, value: str) -> None:
    async with store.visit() as redis:
        await redis.set(key, value)


async def read(store: Store, key: str) -> object:
    async with store.visit() as redis:
        return await redis.get(key)


async def test_values_survive_a_restart(data_dir: Path) -> None:
    async with opened(data_dir) as store:
        await write(store, "key", "value")
    await until(lambda: not servers(data_dir))
    async with opened(data_dir) as store:
        assert await read(store, "key") == b"value"


async def test_the_server_is_private_and_durable(data_dir: Path) -> None:
    async with opened(data_dir) as store, store.visit() as redis:
        config = await redis.config_get("*")
        assert config["port"] == "0"
        assert config["appendonly"] == "yes"
        assert config["appendfsync"] == "everysec"
        assert config["maxmemory-policy"] == "noeviction"
        socket_path = Path(str(config["unixsocket"]))
    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert socket_path.parent == Path((data_dir / "store.socket").read_text())


async def test_the_server_is_told_no_secrets(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDDIT_CLIENT_SECRET", "hush")
    async with opened(data_dir):
        (server,) = servers(data_dir)
        assert b"hush" not in Path(f"/proc/{server}/environ").read_bytes()


async def test_two_in_one_process_share(data_dir: Path) -> None:
    async with opened(data_dir) as one:
        async with opened(data_dir) as other:
            await write(one, "key", "value")
            assert await read(other, "key") == b"value"
            assert len(servers(data_dir)) == 1
        assert await read(one, "key") == b"value"


async def test_another_process_joins_and_the_last_one_stops_the_server(data_dir: Path) -> None:
    first = await User.start(data_dir)
    second = await User.start(data_dir)
    assert await first.ask("SET key value") == "True"
    assert await second.ask("GET key") == "b'value'"
    assert len(servers(data_dir)) == 1
    await first.leave()
    assert await second.ask("GET key") == "b'value'"
    folder = Path((data_dir / "store.socket").read_text())
    assert folder.exists()
    await second.leave()
    await until(lambda: not servers(data_dir))
    await until(lambda: not folder.exists())


async def test_a_killed_starter_is_no_event_for_the_others(data_dir: Path) -> None:
    starter = await User.start(data_dir)
    joiner = await User.start(data_dir)
    before = servers(data_dir)
    for number in range(100):
        assert await (starter, joiner)[number % 2].ask(f"RPUSH log {number}") == str(number + 1)
    await starter.kill()
    for number in range(100, 200):
        assert await joiner.ask(f"RPUSH log {number}") == str(number + 1)
    assert servers(data_dir) == before
    await joiner.leave()
    await until(lambda: not servers(data_dir))
    async with opened(data_dir) as store, store.visit() as redis:
        assert await redis.lrange("log", 0, -1) == [str(number).encode() for number in range(200)]


async def test_nobody_left_after_kill_9_of_all(data_dir: Path) -> None:
    users = [await User.start(data_dir) for _ in range(2)]
    assert await users[0].ask("SET key value") == "True"
    for user in users:
        await user.kill()
    await until(lambda: not servers(data_dir) and not guards(data_dir))
    async with opened(data_dir) as store:
        assert await read(store, "key") == b"value"


async def test_a_killed_server_is_replaced_and_nothing_lost(data_dir: Path) -> None:
    users = [await User.start(data_dir) for _ in range(2)]
    for number in range(50):
        assert await users[number % 2].ask(f"RPUSH log {number}") == str(number + 1)
    (killed,) = servers(data_dir)
    os.kill(killed, signal.SIGKILL)
    for user in users:
        async with asyncio.timeout(10):
            while await user.ask("LLEN log") != "50":
                assert len(servers(data_dir)) <= 1
                await asyncio.sleep(0.05)
    assert servers(data_dir) != [killed]
    assert await users[0].ask("RPUSH log more") == "51"
    for user in users:
        await user.leave()


async def test_six_at_once_start_one_server(data_dir: Path) -> None:
    users = await asyncio.gather(*(User.start(data_dir) for _ in range(6)))
    assert len(servers(data_dir)) == 1
    assert len(guards(data_dir)) == 1
    answers = await asyncio.gather(*(user.ask("INCR visits") for user in users))
    assert sorted(answers) == list("123456")
    await asyncio.gather(*(user.leave() for user in users))


async def test_coming_and_going_never_meets_a_stopped_server(data_dir: Path) -> None:
    for number in range(1, 11):
        async with opened(data_dir) as store, store.visit() as redis:
            assert await redis.incr("visits") == number


async def test_a_paused_server_costs_the_timeout_and_comes_back(data_dir: Path) -> None:
    loop = asyncio.get_running_loop()
    async with opened(data_dir) as store:
        await write(store, "key", "value")
        (server,) = servers(data_dir)
        os.kill(server, signal.SIGSTOP)
        try:
            started = loop.time()
            with pytest.raises(Unavailable):
                await store.ping()
            assert 0.2 < loop.time() - started < 0.5
            started = loop.time()
            with pytest.raises(Unavailable):
                await store.ping()
            assert loop.time() - started < 0.05
        finally:
            os.kill(server, signal.SIGCONT)
        await until_answers(store)
        assert await read(store, "key") == b"value"
        assert servers(data_dir) == [server]


async def until_answers(store: Store) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await store.ping()
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


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
        async with embedded(tmp_path / "file" / "data"):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_a_read_only_data_dir_is_named(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    os.seteuid(65534)
    try:
        with pytest.raises(Unavailable, match=r"DATA_DIR: Permission denied\."):
            async with embedded(folder):
                pass
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


async def test_without_a_program_there_is_a_hint(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="install one"):
        async with embedded(data_dir):
            pass


def test_a_package_without_its_program_is_no_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: package)
    with pytest.raises(Unavailable, match="install one"):
        find_server()


def test_a_store_never_started_has_no_address(tmp_path: Path) -> None:
    assert Home(tmp_path).url() is None
    assert Home(tmp_path).is_dead()


def test_a_program_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == str(program)


async def test_a_server_that_ends_at_once_is_reported(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(home._OPTIONS, "appendfsync", "never-ever")
    with pytest.raises(Unavailable, match=r"cannot start in DATA_DIR: .*(?i:argument|must be)"):
        async with embedded(data_dir):
            pass


async def test_a_silent_server_is_reported(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = await User.start(data_dir)
    (server,) = servers(data_dir)
    os.kill(server, signal.SIGSTOP)
    monkeypatch.setattr(module, "START_SECONDS", 0.3)
    try:
        with pytest.raises(Unavailable, match="does not answer"):
            async with embedded(data_dir):
                pass
    finally:
        os.kill(server, signal.SIGCONT)
        await user.leave()


async def test_a_lost_address_is_reported(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(data_dir):
        (data_dir / "store.socket").write_bytes(b"\xff")
        monkeypatch.setattr(module, "START_SECONDS", 0.2)
        with pytest.raises(Unavailable, match="does not answer"):
            async with embedded(data_dir):
                pass


async def test_a_swept_socket_folder_is_made_again(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(data_dir):
        folder = (data_dir / "store.socket").read_text()
    await until(lambda: not guards(data_dir))
    assert not Path(folder).exists()
    monkeypatch.setattr(tempfile, "tempdir", str(data_dir))
    async with opened(data_dir):
        assert (data_dir / "store.socket").read_text() == folder


async def test_a_newcomer_waits_for_the_server_to_stop(data_dir: Path) -> None:
    async with opened(data_dir) as store:
        await write(store, "key", "value")
        (server,) = servers(data_dir)
        os.kill(server, signal.SIGSTOP)
    await until(lambda: is_stopping(data_dir))
    async with asyncio.TaskGroup() as group:
        newcomer = group.create_task(come_and_read(data_dir))
        os.kill(server, signal.SIGCONT)
    assert newcomer.result() == b"value"


def is_stopping(data_dir: Path) -> bool:
    user = Home(data_dir).join()
    if user is not None:
        os.close(user)
    return user is None


async def come_and_read(data_dir: Path) -> object:
    async with opened(data_dir) as store:
        return await read(store, "key")


async def test_a_store_that_cannot_be_started_again_is_logged(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_WATCH_SECONDS", 0.01)
    async with opened(data_dir) as store:
        monkeypatch.setattr(home, "find_server", lambda: "/nowhere/server")
        os.kill(servers(data_dir)[0], signal.SIGKILL)
        await until(lambda: "was started again" in caplog.text)
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        await until(lambda: "cannot be started again" in caplog.text)
        monkeypatch.undo()
        await until_answers(store)


async def test_the_guard_stops_its_server_after_the_last_user(tmp_path: Path) -> None:
    users, runtime = tmp_path / "users", tmp_path / "runtime"
    runtime.mkdir()
    leave = os.open(users, os.O_RDWR | os.O_CREAT)
    fcntl.flock(leave, fcntl.LOCK_SH)
    quiet = ("--port", "0", "--save", "", "--logfile", str(tmp_path / "log"))
    kept = asyncio.create_task(asyncio.to_thread(guard.keep, str(users), str(runtime), find_server(), *quiet))
    await until((tmp_path / "log").exists)
    assert not kept.done()
    assert runtime.exists()
    os.close(leave)
    await asyncio.wait_for(kept, 10)
    assert not runtime.exists()
