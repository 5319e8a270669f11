"""Dump files and folders, and the report of an import."""

import gzip
import random
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.archive.dump import BadLine, DumpError, Progress, Skipped, dump_files, import_paths
from tests.support.dump_import import comment, ids, line, listing, packed, post, run, titles, wrapped

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


# Files


def long_window(content: bytes) -> bytes:
    """Packed as the monthly dumps are: `zstd --long=31`."""
    packer = zstd.ZstdCompressor(options={int(zstd.CompressionParameter.window_log): 31})
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress, long_window])
def test_files_are_unpacked_whatever_their_name(tmp_path: Path, pack: Any) -> None:
    content = b"".join(line(comment(number)) for number in range(5_000))
    half = len(content) // 2
    path = packed(tmp_path, "RC_2012-03", pack(content[:half]) + pack(content[half:]))
    report = run(tmp_path / "db", path)
    assert (report.lines, report.bad_lines, report.skipped) == (5_000, 0, [])
    assert len(ids(tmp_path / "db", "comment")) == 5_000


def test_folders_are_walked_and_other_files_named(tmp_path: Path) -> None:
    dumps = tmp_path / "dumps"
    (dumps / "b").mkdir(parents=True)
    first, second = packed(dumps, "a.json", line(post(1))), packed(dumps / "b", "c.jsonl", line(post(2)))
    packed(dumps, "notes.md", b"# Notes\n")
    packed(dumps, "empty.jsonl", b"")
    packed(dumps / "b", "other.jsonl", b'{"a": 1}\n')
    report = run(tmp_path / "db", dumps, tmp_path / "absent")
    assert report.files == [first, second]
    assert report.skipped == [
        Skipped(dumps / "empty.jsonl", "empty"),
        Skipped(dumps / "notes.md", "no Reddit dump: not JSON"),
        Skipped(dumps / "b" / "other.jsonl", "no Reddit dump: no Reddit thing in it"),
        Skipped(tmp_path / "absent", "No such file or directory"),
    ]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    dumps = tmp_path / "dumps"
    gone = dumps / "gone"
    gone.mkdir(parents=True)
    packed(dumps, "a", line(post()))
    report = import_paths([dumps], tmp_path / "db", lambda _: gone.rmdir())
    assert report.skipped == [Skipped(gone, "No such file or directory")]
    assert report.read == Counter(t3=1)


def test_blank_lines_and_a_missing_last_newline_are_fine(tmp_path: Path) -> None:
    path = packed(tmp_path, "a", b"\n  \n" + line(post(1)) + b"\r\n" + line(post(2)).strip())
    report = run(tmp_path / "db", path)
    assert (report.lines, report.read, report.bad_lines) == (2, Counter(t3=2), 0)


def test_bad_lines_are_counted_and_the_first_twenty_told(tmp_path: Path) -> None:
    path = packed(tmp_path, "a", line(post(1)) + b"\n" + b"broken\n" * 30 + line(post(2)))
    report = run(tmp_path / "db", path)
    assert report.bad_lines == 30
    assert report.examples == [BadLine(path, number, "not JSON") for number in range(3, 23)]
    assert len(ids(tmp_path / "db", "post")) == 2


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_a_file_that_breaks_off_gives_what_came_before(tmp_path: Path, pack: Any) -> None:
    noise = random.Random(5)
    content = b"".join(line(comment(number, body=noise.randbytes(200).hex())) for number in range(4_000))
    path = packed(tmp_path, "a", pack(content)[:-300_000])
    report = run(tmp_path / "db", path)
    assert report.bad_lines == 1
    assert report.examples[0].reason.startswith("the file is damaged from here on")
    assert report.examples[0].line == report.lines
    assert len(ids(tmp_path / "db", "comment")) == report.read["t1"] > 100


def test_a_file_that_only_begins_like_a_packed_one_is_named(tmp_path: Path) -> None:
    path = packed(tmp_path, "a", b"\x1f\x8b nothing of the sort")
    report = run(tmp_path / "db", path)
    assert [skipped.path for skipped in report.skipped] == [path]


def test_an_endless_line_is_cut_and_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump_files, "LONGEST", 1_000)
    path = packed(tmp_path, "a", line(post(1)) + line(post(2, selftext="x" * 5_000)) + line(post(3)))
    report = run(tmp_path / "db", path)
    assert (report.lines, report.bad_lines, report.examples[0].line) == (3, 1, 2)
    assert sorted(titles(tmp_path / "db").values()) == ["Title 1", "Title 3"]


# Imports


def test_the_report_counts_by_kind(tmp_path: Path) -> None:
    user, home = {"name": "someone", "link_karma": 1}, {"display_name": "tea", "title": "Tea"}
    parts = [line(post(author="someone")), line(comment(1)), line(comment(2)), line(user), line(home)]
    report = run(tmp_path / "db", packed(tmp_path, "a", b"".join(parts)))
    assert report.read == report.added == Counter(t1=2, t2=1, t3=1, t5=1)
    assert report.duplicates == 0


def test_duplicates_are_counted_and_the_newer_stays(tmp_path: Path) -> None:
    parts = [
        line(post(1, title="old", retrieved_on=1_400_000_000)),
        line(post(1, title="new", retrieved_utc=1_500_000_000)),
        line(post(1, title="older", retrieved_on=1_300_000_000)),
        line(post(2, title="first")),
        line(wrapped("t3", post(2, title="second"))),
    ]
    report = run(tmp_path / "db", packed(tmp_path, "a", b"".join(parts)))
    assert sorted(titles(tmp_path / "db").values()) == ["new", "second"]
    assert (report.read["t3"], report.added["t3"], report.duplicates) == (5, 2, 3)
    again = run(tmp_path / "db", tmp_path / "a")
    assert sorted(titles(tmp_path / "db").values()) == ["new", "second"]
    assert again.duplicates == 5


def test_progress_tells_file_bytes_and_lines(tmp_path: Path) -> None:
    seen: list[Progress] = []
    first = packed(tmp_path, "a", b"".join(line(comment(number)) for number in range(4_500)))
    second = packed(tmp_path, "b", gzip.compress(line(post())))
    import_paths([first, second], tmp_path / "db", seen.append)
    assert [(progress.path, progress.lines) for progress in seen] == [
        (first, 2_000), (first, 4_000), (first, 4_500), (second, 4_501),
    ]  # fmt: skip
    assert all(0 < progress.position <= progress.size for progress in seen)
    assert seen[2].position == seen[2].size == first.stat().st_size


def test_whole_threads_fill_a_transaction_by_their_comments(tmp_path: Path) -> None:
    seen: list[int] = []
    long = listing(*(wrapped("t1", comment(number)) for number in range(1_500)))
    path = packed(tmp_path, "a", line([listing(wrapped("t3", post())), long]) * 5)
    import_paths([path], tmp_path / "db", lambda progress: seen.append(progress.lines))
    assert seen == [2, 4, 5]


def test_a_dump_may_begin_with_damaged_lines(tmp_path: Path) -> None:
    report = run(tmp_path / "db", packed(tmp_path, "a", b"broken\n" * 99 + line(post())))
    assert (report.bad_lines, report.read, report.skipped) == (99, Counter(t3=1), [])


def test_an_archive_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    dump = packed(tmp_path, "a", line(post()))
    with pytest.raises(DumpError, match="cannot write the archive"):
        run(packed(tmp_path, "db", b"no database at all, but long enough to be read as one" * 20), dump)
    with closing(sqlite3.connect(tmp_path / "future")) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(DumpError, match="version 99"):
        run(tmp_path / "future", dump)
