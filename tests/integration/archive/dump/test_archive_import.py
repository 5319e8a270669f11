"""Importing into a real archive: recorded data, readers beside it, a killed import, a full disk."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.archive.dump import Report, import_paths

CORPUS = Path(os.environ.get("TEST_CORPUS") or Path(__file__).parents[5] / "shared" / "corpus") / "things"
TABLES = {"t1": "comment", "t2": "account", "t3": "post", "t5": "community"}
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no recorded data at {CORPUS}; set TEST_CORPUS")


def run(db: Path, *paths: Path) -> Report:
    return import_paths(paths, db, lambda _: None)


def ask(db: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(db)) as reader:
        return reader.execute(query).fetchall()


def content(db: Path) -> dict[str, list[Any]]:
    """Everything in an archive that a reader can see, the word indexes included."""
    found = {table: ask(db, f"SELECT * FROM {table} ORDER BY id") for table in TABLES.values()}
    found["days"] = ask(db, "SELECT * FROM comment_day ORDER BY day")
    with closing(sqlite3.connect(db)) as reader:
        for index in ("post_words", "comment_words"):
            reader.execute(f"CREATE VIRTUAL TABLE temp.of_{index} USING fts5vocab(main, {index}, instance)")
            found[index] = reader.execute(f"SELECT term, doc FROM of_{index} ORDER BY 1, 2").fetchall()
    return found


# Recorded data


def recorded(value: Any) -> Iterator[tuple[str, str]]:
    """Every (kind, identity) anywhere below a value, found without the product's help."""
    if isinstance(value, list):
        for item in value:
            yield from recorded(item)
    elif isinstance(value, dict):
        data = value.get("data")
        if value.get("kind") in TABLES and isinstance(data, dict):
            name = data["display_name"] if value["kind"] == "t5" else data["name"]
            yield value["kind"], name.lower()
            yield from recorded(data.get("replies"))
        elif value.get("kind") == "Listing":
            yield from recorded(value["data"]["children"])
        else:
            yield from recorded(value.get("response"))


@needs_corpus
def test_recorded_data_is_imported_whole(tmp_path: Path) -> None:
    expected: dict[str, set[str]] = defaultdict(set)
    for path in CORPUS.glob("*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            for kind, name in recorded(json.loads(line)):
                expected[kind].add(name)
    report = run(tmp_path / "db", CORPUS)
    counts = {kind: len(names) for kind, names in expected.items()}
    assert dict(report.added) == counts
    assert min(counts.values()) > 40
    stored = {kind: f"SELECT count(*) FROM {table} WHERE data IS NOT NULL" for kind, table in TABLES.items()}
    assert {kind: ask(tmp_path / "db", query)[0][0] for kind, query in stored.items()} == counts
    assert report.bad_lines == 0
    assert {skipped.path.name for skipped in report.skipped} == {path.name for path in CORPUS.glob("*.sources.jsonl")}


@needs_corpus
def test_recorded_text_is_unescaped(tmp_path: Path) -> None:
    run(tmp_path / "db", CORPUS / "t3.jsonl")
    texts = [text for row in ask(tmp_path / "db", "SELECT title, selftext FROM post") for text in row]
    assert any("&" in text for text in texts)
    assert not [text for text in texts if "&lt;" in text or "&gt;" in text]


# A killed import


def dump(path: Path, lines: int) -> Path:
    """Posts and comments, some of them twice, some of them read at known times."""
    with path.open("w") as file:
        for at in range(lines):
            number = at - 5_000 if at % 7 == 0 and at > 5_000 else at
            extra = {"retrieved_on": 1_500_000_000 + (at * 7919) % 10_000} if number % 3 == 0 else {}
            twice = "twice" if number != at else "needle"
            kind = {"title": f"title {number} {twice}", "selftext": f"word{number % 500} " * 5}
            if number % 4:
                kind = {"body": f"{twice} {at}", "link_id": f"t3_p{number - number % 4:06}"}
            common = {"id": f"p{number:06}", "author": f"user{number % 900}", "subreddit": f"sub{number % 40}"}
            file.write(json.dumps({**common, **kind, **extra, "score": at, "created_utc": 1_500_000_000 + at}) + "\n")
    return path


IMPORT = """
import resource, sys
from pathlib import Path
from reddit_mcp.archive.dump import import_paths

limit, db, *paths = sys.argv[1:]
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
import_paths(map(Path, paths), Path(db), lambda progress: print(progress.lines, flush=True))
"""


def importing(db: Path, *paths: Path, limit: str = "") -> subprocess.Popen[str]:
    """An import in a process of its own, whose files may not grow beyond `limit` bytes."""
    command = [sys.executable, "-c", IMPORT, limit, str(db), *map(str, paths)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_import_killed_midway_is_completed_by_the_next(tmp_path: Path) -> None:
    paths = [dump(tmp_path / "a.jsonl", 8_000), dump(tmp_path / "b.jsonl", 14_000)]
    with importing(tmp_path / "killed", *paths) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 12_000:
            pass
        process.kill()
    assert process.returncode == -signal.SIGKILL
    kept = ask(tmp_path / "killed", "SELECT count(*) FROM comment")[0][0]
    assert kept > 0
    run(tmp_path / "killed", *paths)
    run(tmp_path / "whole", *paths)
    assert kept < ask(tmp_path / "whole", "SELECT count(*) FROM comment")[0][0]
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert len(content(tmp_path / "whole")["post_words"]) > 10_000
    assert len(content(tmp_path / "whole")["comment_words"]) > 10_000


def test_a_second_import_changes_nothing(tmp_path: Path) -> None:
    path = dump(tmp_path / "a.jsonl", 9_000)
    first = run(tmp_path / "db", path)
    before = content(tmp_path / "db")
    second = run(tmp_path / "db", path)
    assert content(tmp_path / "db") == before
    assert first.added.total() == 9_000 - first.duplicates > 0
    assert second.added.total() == 0


def test_a_reader_sees_the_import_while_it_runs(tmp_path: Path) -> None:
    path = dump(tmp_path / "a.jsonl", 9_000)
    seen: list[int] = []
    run(tmp_path / "db", dump(tmp_path / "first.jsonl", 10))
    with closing(sqlite3.connect(f"file:{tmp_path / 'db'}?mode=ro", uri=True)) as reader:
        count = "SELECT (SELECT count(*) FROM post) + (SELECT count(*) FROM comment)"
        import_paths([path], tmp_path / "db", lambda _: seen.append(reader.execute(count).fetchone()[0]))
    assert seen == sorted(seen)
    assert seen[0] < seen[2] < seen[-1]


def test_a_full_disk_ends_the_import_with_one_clear_error(tmp_path: Path) -> None:
    path = dump(tmp_path / "a.jsonl", 12_000)
    process = importing(tmp_path / "db", path, limit="1500000")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "DumpError: cannot write the archive" in errors.strip().splitlines()[-1]
    assert ask(tmp_path / "db", "PRAGMA integrity_check") == [("ok",)]
    run(tmp_path / "db", path)
    run(tmp_path / "whole", path)
    assert content(tmp_path / "db") == content(tmp_path / "whole")
