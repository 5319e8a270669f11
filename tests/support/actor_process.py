"""An Actor's container: the real command as the platform starts it, over the fake platform."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.fake_platform import FakePlatform
from tests.support.redis_store import free_port
from tests.support.server_process import environment, give_sample

PROBE = {"x-apify-container-server-readiness-probe": "1"}


@dataclass(frozen=True)
class Container:
    """A running one."""

    url: str
    process: subprocess.Popen[str]

    def ended(self, seconds: float = 30) -> tuple[int, str, str]:
        """Its exit code, stdout and stderr, once it has ended by itself."""
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err


@contextlib.contextmanager
def container(
    platform: FakePlatform,
    data_dir: Path,
    *,
    origin: str = "STANDBY",
    patches: Mapping[str, Any] | None = None,
    **settings: str,
) -> Iterator[Container]:
    """Start one; `patches` are constants of the product by their dotted names, for what would take minutes."""
    give_sample(data_dir)
    port = free_port()
    words = ["tests.support.actor_process", json.dumps(patches)] if patches else ["reddit_mcp", "actor"]
    given = {**platform.environment(origin), "ACTOR_WEB_SERVER_PORT": str(port), **settings}
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        env=environment(data_dir, PYTHONPATH=str(Path(__file__).parents[2]), **given),
        cwd=data_dir,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Container(f"http://127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def serving(platform: FakePlatform, data_dir: Path, **options: Any) -> Iterator[Container]:
    """Start one that serves, and wait until it answers the readiness probe."""
    with container(platform, data_dir, **options) as started:
        deadline = time.monotonic() + 40
        while not _answers(started.url):
            assert started.process.poll() is None, started.process.communicate()
            assert time.monotonic() < deadline, "it is not ready in time"
            time.sleep(0.05)
        yield started


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, headers=PROBE).status_code == 200
    return False


def main(patches: Mapping[str, Any]) -> int:
    """The command in a process whose constants are patched, and that a SIGUSR1 robs of its listener, a SIGUSR2 of its
    event loop."""
    import importlib
    import os
    import signal
    import socket

    from reddit_mcp.cli.parser import main as command

    def lose_listener(*_: Any) -> None:
        for name in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name.name))) as found:
                if found.family == socket.AF_INET and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    os.close(int(name.name))

    signal.signal(signal.SIGUSR1, lose_listener)
    signal.signal(signal.SIGUSR2, lambda *_: time.sleep(600))
    for name, value in patches.items():
        module, _, constant = name.rpartition(".")
        setattr(importlib.import_module(module), constant, value)
    return command(["actor"])


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
