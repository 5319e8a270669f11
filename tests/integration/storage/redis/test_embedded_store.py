"""The embedded store with real processes: started once, shared, survived by nobody it should not be."""

import asyncio
import fcntl
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.redis import connection, store_files, store_supervisor
from reddit_mcp.storage.redis import embedded_store as module
from reddit_mcp.storage.redis.store_files import StoreFiles, find_server
from tests.support.embedded_store import data_dir as data_dir  # noqa: PLC0414 - fixtures
from tests.support.embedded_store import opened, read, until_answers, write
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import User, guards, servers, until

# ruff: noqa: ASYNC240 - a test may wait for its own small files
pytestmark = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds processes by proc(5)")


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


async def test_a_guard_told_to_end_ends_after_its_users(data_dir: Path) -> None:
    async with opened(data_dir) as store:
        for each in guards(data_dir):
            os.kill(each, signal.SIGTERM)
        await write(store, "key", "value")
        assert len(guards(data_dir)) == 1
    await until(lambda: not servers(data_dir) and not guards(data_dir))


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
        async with asyncio.timeout(PATIENCE_SECONDS):
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


async def test_a_paused_server_costs_the_timeout_and_comes_back(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "AWAY_SECONDS", 10.0)
    loop = asyncio.get_running_loop()
    async with opened(data_dir) as store:
        await write(store, "key", "value")
        (server,) = servers(data_dir)
        os.kill(server, signal.SIGSTOP)
        try:
            started = loop.time()
            with pytest.raises(Unavailable):
                await store.ping()
            assert loop.time() - started > 0.2
            with pytest.raises(Unavailable) as caught:
                await store.ping()
            assert caught.value.__cause__ is None, "it does not even try"
        finally:
            os.kill(server, signal.SIGCONT)
        await until_answers(store)
        assert await read(store, "key") == b"value"
        assert servers(data_dir) == [server]


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
    user = StoreFiles(data_dir).join()
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
        monkeypatch.setattr(store_files, "find_server", lambda: "/nowhere/server")
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
    kept = asyncio.create_task(
        asyncio.to_thread(store_supervisor.keep, str(users), str(runtime), find_server(), *quiet)
    )
    await until((tmp_path / "log").exists)
    assert not kept.done()
    assert runtime.exists()
    os.close(leave)
    await asyncio.wait_for(kept, PATIENCE_SECONDS)
    assert not runtime.exists()
