"""The sample archive on disk: whole, fresh, and safe to build and to read at once."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from reddit_mcp.archive.sample import ensure, generate
from reddit_mcp.archive.sqlite.archive_writer import Writer
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.archive_records import post

NOW = 1_790_000_000
HOUR = 3_600
BUILD = "import sys, pathlib, reddit_mcp.archive.sample as s; s.ensure(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as db:
        count: int = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return count


def test_it_is_built_whole(tmp_path: Path) -> None:
    path = ensure(tmp_path / "new" / "sample.sqlite", NOW)
    kinds = [kind for kind, _ in generate(NOW)]
    assert rows(path, "post") == kinds.count("t3")
    assert rows(path, "comment") == kinds.count("t1")
    assert [entry.name for entry in path.parent.iterdir()] == ["sample.sqlite"]


def test_a_fresh_file_is_kept_and_one_off_by_more_than_an_hour_replaced(tmp_path: Path) -> None:
    path = tmp_path / "sample.sqlite"
    path.write_bytes(b"fresh")
    os.utime(path, (NOW, NOW))
    assert ensure(path, NOW + HOUR).read_bytes() == b"fresh"
    assert ensure(path, NOW - HOUR).read_bytes() == b"fresh"
    ensure(path, NOW + HOUR + 1)
    assert path.stat().st_mtime == NOW + HOUR + 1
    ensure(path, NOW - 1)
    assert path.stat().st_mtime == NOW - 1
    assert rows(path, "post") > 300


def test_a_reader_keeps_the_archive_it_opened(tmp_path: Path) -> None:
    newest = "SELECT max(created) FROM comment"
    path = ensure(tmp_path / "sample.sqlite", NOW)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        before = reader.execute(newest).fetchone()[0]
        ensure(path, NOW + 2 * HOUR)
        assert reader.execute(newest).fetchone()[0] == before
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute(newest).fetchone()[0] == before + 2 * HOUR


def test_a_new_sample_does_not_inherit_the_log_of_an_old_one_in_use(tmp_path: Path) -> None:
    path = ensure(tmp_path / "sample.sqlite", NOW)
    with SqliteStore(path) as server, Writer(path, NOW) as writer:
        writer.add([post("mine", "imported into the sample", created_utc=NOW)])
        os.utime(path, (NOW, NOW))
        assert server.search("imported", None, "new", "all") == ["t3_mine"]
        assert path.with_name("sample.sqlite-wal").stat().st_size
        ensure(path, NOW + 2 * HOUR)
        with SqliteStore(path) as store:
            assert store.search("imported", None, "new", "all") == []
            assert len(store.listing(None, "new", "all")) > 300
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert server.search("imported", None, "new", "all") == ["t3_mine"]
    with SqliteStore(path) as store:
        assert store.search("imported", None, "new", "all") == []


def test_two_processes_at_once_both_end_with_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "sample.sqlite"
    command = [sys.executable, "-c", BUILD, str(path), str(NOW)]
    builders = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [builder.communicate(timeout=60)[1] for builder in builders] == ["", ""]
    assert [builder.returncode for builder in builders] == [0, 0]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert [entry.name for entry in tmp_path.iterdir()] == ["sample.sqlite"]
