"""The sample as a SQLite archive on disk."""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from reddit_mcp.archive.sample.generator import generate
from reddit_mcp.archive.sqlite.archive_writer import Writer

_FRESH = 3_600  # seconds


def ensure(path: Path, now: int) -> Path:
    """The sample archive at `path`, built when it is absent, or more than an hour away from `now` (seconds since 1970).

    The file is put in place whole: processes that build it at once all end with a good one, and a server that still
    reads the old one keeps it. Whatever was imported into the old one goes with it.

    Raises:
        OSError: the folder cannot be written.
    """
    if not _fresh(path, now):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-") as folder:
            built = Path(folder) / path.name
            _build(built, now)
            _forget_log(path)
            built.replace(path)
    return path


def _forget_log(path: Path) -> None:
    """Part the old file, if somebody imported into it, from its write-ahead log: SQLite would play it into the new."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _fresh(path: Path, now: int) -> bool:
    try:
        return abs(now - path.stat().st_mtime) <= _FRESH
    except FileNotFoundError:
        return False


def _build(path: Path, now: int) -> None:
    """Write the archive, and leave it without a write-ahead log, which would not move along with the file."""
    with Writer(path, now) as writer:
        writer.add(generate(now))
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    os.utime(path, (now, now))
