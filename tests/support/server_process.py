"""Starting the real server as its users do: a process of its own, a free port, a DATA_DIR of its own."""

import asyncio
import atexit
import collections
import contextlib
import functools
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from reddit_mcp.archive.sample import ensure
from reddit_mcp.settings import Settings
from tests.support.patience import PATIENCE_SECONDS

SAMPLE = "sample.sqlite"
NOWHERE = "http://127.0.0.1:9"
"""Where nothing listens: no test asks the public archive."""
ANNOUNCED = re.compile(r"at (http://\S+)/mcp")
PREFIXES = (
    "actor_",
    "alert_",
    "apify_",
    "crawlee_",
    "mcp_",
    "oauth_",
    "otel_",
    "praw_",
    "reddit_",
    "redis_",
    "sentry_",
    "smtp_",
)
"""Of variables that the libraries below us read, and of settings to come."""


def is_setting(name: str) -> bool:
    """Whether a variable of the environment may change what the server does; their case does not matter."""
    return name.upper() in Settings.variables() or name.lower().startswith(PREFIXES)


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """This process's environment without anybody's settings, and with these.

    A store has more time than the product gives it: where other work has the processors, it may be late without being
    away.
    """
    inherited = {name: value for name, value in os.environ.items() if not is_setting(name)}
    ours = {"DATA_DIR": str(data_dir), "ARCTIC_SHIFT_URL": NOWHERE, "REDIS_TIMEOUT": "2"}
    return {**inherited, **ours, **settings}


@functools.cache
def sample() -> Path:
    """The sample archive, built once for all servers of this process; it spares each of them seconds."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return ensure(Path(folder) / SAMPLE, int(time.time()))


def give_sample(data_dir: Path) -> None:
    """Let a server of this directory find the sample archive there."""
    if not (data_dir / SAMPLE).exists():
        shutil.copy2(sample(), data_dir)


@contextlib.contextmanager
def command(*words: str, data_dir: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """A running command; ended when the context ends, if it has not ended itself."""
    give_sample(data_dir)
    process = subprocess.Popen(
        [sys.executable, "-m", "reddit_mcp", *words],
        env=environment(data_dir, **settings),
        cwd=data_dir,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


@contextlib.contextmanager
def server(data_dir: Path, **settings: str) -> Iterator[str]:
    """A serving process; gives its address without `/mcp`."""
    with command("serve", "--port", "0", data_dir=data_dir, **settings) as process:
        url = address(process)
        # Nobody reads the log: unread, it fills the pipe after some hundred calls and the server stands still.
        drain = threading.Thread(target=collections.deque, args=(process.stdout, 0), daemon=True)
        drain.start()
        try:
            yield url
        finally:
            process.terminate()
            drain.join(timeout=PATIENCE_SECONDS)


@contextlib.asynccontextmanager
async def server_beside(data_dir: Path, **settings: str) -> AsyncIterator[str]:
    """As `server`, started and stopped in a thread: what it asks in this event loop is answered meanwhile."""
    running = server(data_dir, **settings)
    url = await asyncio.to_thread(running.__enter__)
    try:
        yield url
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


def address(process: subprocess.Popen[str]) -> str:
    """The address that the process announces."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := ANNOUNCED.search(line):
            return found[1]
    assert process.stderr is not None
    raise AssertionError(f"it ended without serving: {process.stderr.read()}")


@contextlib.asynccontextmanager
async def listening(app: ASGIApp, **options: Any) -> AsyncIterator[str]:
    """An app of this process on a free port of loopback; gives its address."""
    # with its protocol named, asyncio sets TCP_NODELAY: small answers do not wait for 40 ms
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, **options))
        task = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
