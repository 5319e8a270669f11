"""No secret that the tests use may stand in any log of a process that they start: collected here, searched at the end.

Servers are known by their command line. What they are given as secrets is known by the names of their settings, keys
that the command line makes by its output, and all others by their shape, or because a test says so (`RUN.secret`).
"""

import contextlib
import io
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pytest

SHORTEST = 8
"""Shorter ones are words like `secret`, which stand in logs for other reasons."""

SETTINGS = re.compile(r"MCP_MASTER_KEY|\w*(SECRET|TOKEN|PASSWORD)")
URLS = re.compile(r"REDIS_\w*URL|SMTP_URL|SENTRY_DSN|ALERT_\w*URL")
SHAPES = {
    "API key": re.compile(r"rmcp_[\w-]{16,}"),
    "OAuth token": re.compile(r"\bey[\w-]{10,}\.ey[\w-]{10,}\.[\w-]{10,}"),
    "webhook secret": re.compile(r"whsec_[\w+/=-]{16,}"),
    "Reddit token": re.compile(r"bearer token-\d+", re.IGNORECASE),
}


class Run:
    """What one run of the tests has collected: logs, and the kinds of the secrets that must not stand in them."""

    def __init__(self) -> None:
        self.logs: list[Path] = []
        self.secrets: dict[str, str] = {}
        self.data_dirs: set[Path] = set()
        self._folder: Path | None = None

    def secret(self, kind: str, value: str) -> None:
        """No log may hold this value from now on."""
        if len(value) >= SHORTEST:
            self.secrets[value] = kind

    def settings(self, given: Mapping[str, str]) -> None:
        """Note the secrets and the log of a process with this environment."""
        for name, value in given.items():
            for secret in _secrets_of(name, value):
                self.secret(name, secret)
        if given.get("LOG_FILE"):
            self.logs.append(Path(given["LOG_FILE"]))
        if given.get("DATA_DIR"):
            self.data_dirs.add(Path(given["DATA_DIR"]))

    def new_log(self, command: Sequence[str]) -> Path:
        """A place for the output of a process."""
        self._folder = self._folder or Path(tempfile.mkdtemp(prefix="logs-"))
        words = re.sub(r"[^\w-]+", "-", " ".join(command[1:5]))[:60]
        self.logs.append(self._folder / f"{len(self.logs)}-{words}")
        return self.logs[-1]

    def forget(self) -> None:
        """Remove the copies."""
        if self._folder:
            shutil.rmtree(self._folder)

    def leaks(self) -> list[str]:
        """Which log holds which kind of secret, without the secret."""
        for folder in self.data_dirs:
            with contextlib.suppress(OSError):
                self.secret("master.key", (folder / "master.key").read_text().strip())
        files = {file for log in self.logs for file in log.parent.glob(log.name + "*") if file.is_file()}
        return sorted({f"{file.name} holds a secret: {kind}" for file in files for kind in self._kinds_in(file)})

    def _kinds_in(self, file: Path) -> Iterator[str]:
        text = file.read_text(encoding="utf-8", errors="replace")
        yield from (kind for secret, kind in self.secrets.items() if secret in text)
        yield from (kind for kind, shape in SHAPES.items() if shape.search(text))


RUN = Run()


def _secrets_of(name: str, value: str) -> list[str]:
    if SETTINGS.fullmatch(name):
        return [part.strip() for part in value.split(",")]
    if not URLS.fullmatch(name):
        return []
    place = urlsplit(value)
    return [part for part in (place.password, place.path if name.startswith("ALERT_") else place.username) if part]


class Watched(subprocess.Popen[Any]):
    """A process whose output is copied on its way to whoever reads it, if it is one of our servers or commands."""

    def __init__(self, args: Any, *rest: Any, **options: Any) -> None:
        super().__init__(args, *rest, **options)
        command = [str(word) for word in args] if isinstance(args, list | tuple) else [str(args)]
        if not any(word == "reddit_mcp" or word.startswith("tests.") for word in command):
            return
        RUN.settings(options.get("env") or os.environ)
        makes_keys = "keys" in command
        self.stdout = _copied(self.stdout, _learn_keys if makes_keys else _write(RUN.new_log(command)))
        self.stderr = _copied(self.stderr, _write(RUN.new_log(command)))
        names = (getattr(options.get(stream), "name", None) for stream in ("stdout", "stderr"))
        RUN.logs += [Path(name) for name in names if isinstance(name, str)]


Take = Callable[[bytes], object]


def _write(log: Path) -> Take:
    def take(data: bytes) -> None:
        with log.open("ab") as file:
            file.write(data)

    return take


def _learn_keys(data: bytes) -> None:
    """`keys create` and `keys rotate` print keys: that is no log, and tells what no log may hold."""
    for key in re.findall(r"rmcp_[\w-]{43}", data.decode(errors="replace")):
        RUN.secret("API key", key)


def _copied(source: IO[Any] | None, take: Take) -> IO[Any] | None:
    """A stream that says the same as this one, while a thread of its own lets somebody else see it."""
    if source is None:
        return None
    reader, writer = os.pipe()
    threading.Thread(target=_copy, args=(source, writer, take), daemon=True).start()
    if isinstance(source, io.TextIOWrapper):
        return io.TextIOWrapper(os.fdopen(reader, "rb"), encoding=source.encoding, errors=source.errors)
    return os.fdopen(reader, "rb", buffering=0 if isinstance(source, io.RawIOBase) else -1)


def _copy(source: IO[Any], writer: int, take: Take) -> None:
    with source, contextlib.closing(os.fdopen(writer, "wb", buffering=0)) as sink:
        read = True
        while data := os.read(source.fileno(), 65_536):
            take(data)
            try:
                while read and data:
                    data = data[sink.write(data) :]
            except OSError:  # nobody reads any more
                read = False


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_in_any_log() -> Iterator[None]:
    """The check, after everything else of the session (of each worker, where there are several)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", Watched)
        yield
    leaks = RUN.leaks()
    RUN.forget()
    if leaks:
        pytest.fail("; ".join(leaks), pytrace=False)
