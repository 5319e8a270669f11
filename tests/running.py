"""Starting the real server as its users do: a process of its own, a free port, a DATA_DIR of its own."""

import collections
import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

ANNOUNCED = re.compile(r"at (http://\S+)/mcp")


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """This process's environment without anybody's settings, and with these."""
    ours = (
        "REDDIT_",
        "REDIS_",
        "MCP_",
        "OAUTH_",
        "ARCHIVE_DB",
        "DATA_DIR",
        "AUTH_MODE",
        "LOG_",
        "ENVIRONMENT",
        "CALL_",
        "praw_",
        "ALLOW_",
        "TRUSTED_",
        "CORS_",
        "TIERS",
        "RATE_",
        "BREAKER_",
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**inherited, "DATA_DIR": str(data_dir), **settings}


@contextlib.contextmanager
def command(*words: str, data_dir: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """A running command; ended when the context ends, if it has not ended itself."""
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
        process.communicate(timeout=40)


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
            drain.join(timeout=40)


def address(process: subprocess.Popen[str]) -> str:
    """The address that the process announces."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := ANNOUNCED.search(line):
            return found[1]
    assert process.stderr is not None
    raise AssertionError(f"it ended without serving: {process.stderr.read()}")
