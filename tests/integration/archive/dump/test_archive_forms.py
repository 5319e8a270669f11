"""Dumps in every form that they are found in: each thing is imported, or counted and named."""

import bz2
import gzip
import json
import lzma
import os
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reddit_mcp.archive.archive_store import NoCommentIndexError
from reddit_mcp.archive.dump import Report
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.dump_import import Data, comment, ids, line, packed, post, run, titles
from tests.support.server_process import environment

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

THREE = b"".join(line(post(number)) for number in (1, 2, 3))
SKIPPABLE = b"\x5a\x2a\x4d\x18\x04\x00\x00\x00\x01\x02\x03\x04"
MIB = 1024 * 1024

FORMS: dict[str, bytes] = {
    "plain": THREE,
    "byte order mark": b"\xef\xbb\xbf" + THREE,
    "windows": THREE.replace(b"\n", b"\r\n"),
    "utf-16 little": "\ufeff".encode("utf-16-le") + THREE.decode().encode("utf-16-le"),
    "utf-16 big": "\ufeff".encode("utf-16-be") + THREE.decode().encode("utf-16-be"),
    "bzip2": bz2.compress(THREE),
    "bzip2 in two streams": bz2.compress(THREE[:100]) + bz2.compress(THREE[100:]),
    "xz": lzma.compress(THREE),
    "gzip": gzip.compress(THREE),
    "zstd": zstd.compress(THREE),
    "zstd behind a skippable frame": SKIPPABLE + zstd.compress(THREE),
    "zstd with a skippable frame within": zstd.compress(THREE[:80]) + SKIPPABLE + zstd.compress(THREE[80:]),
    "array": json.dumps([post(1), post(2), post(3)]).encode(),
    "pretty": json.dumps([post(1), post(2), post(3)], indent=2).encode(),
    "pretty one by one": b"\n".join(json.dumps(post(number), indent=2).encode() for number in (1, 2, 3)),
    "nothing between": THREE.replace(b"\n", b""),
    "an API's answer": json.dumps({"data": [post(1), post(2), post(3)]}).encode(),
    "an API's answer, pretty": json.dumps({"data": [post(1), post(2), post(3)]}, indent=1).encode(),
    "packed array with a mark": gzip.compress(b"\xef\xbb\xbf" + json.dumps([post(1), post(2), post(3)]).encode()),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_three_posts_are_three_posts(tmp_path: Path, content: bytes) -> None:
    report = run(tmp_path / "db", packed(tmp_path, "dump", content))
    assert (report.read["t3"], report.bad_lines, report.skipped) == (3, 0, [])
    assert sorted(titles(tmp_path / "db").values()) == ["Title 1", "Title 2", "Title 3"]


def test_the_tree_inside_a_post_of_the_bulk_downloader(tmp_path: Path) -> None:
    inner = {"id": "c00002", "body": "nested", "submission": "p00001", "parent_id": "t1_c00001", "replies": []}
    outer = {"id": "c00001", "body": "first", "submission": "p00001", "parent_id": "t3_p00001", "replies": [inner]}
    content = json.dumps({**post(1), "comments": [outer]}, indent=4).encode()
    report = run(tmp_path / "db", packed(tmp_path, "dump", content))
    assert report.read == {"t3": 1, "t1": 2}
    with SqliteStore(tmp_path / "db") as store:
        assert [node.parent for node in store.thread("p00001")] == [None, int("c00001", 36)]


@pytest.mark.parametrize(
    ("content", "read", "bad"),
    [
        (b'{"id": "p1", "title": "cut\n' + THREE, 3, 1),
        (b'[{"id": "p1", "title": }, \n' + THREE, 3, 1),
        (b"[1, 2, " + json.dumps(post(1)).encode() + b"]", 1, 1),
        (json.dumps([post(1), {"title": "no id", "url": "x"}]).encode(), 1, 1),
    ],
    ids=["a first line cut", "a damaged array", "numbers", "a thing without an id"],
)
def test_what_is_not_understood_is_counted_and_named(tmp_path: Path, content: bytes, read: int, bad: int) -> None:
    report = run(tmp_path / "db", packed(tmp_path, "dump", content))
    assert (report.read["t3"], report.bad_lines) == (read, bad)
    assert len(report.examples) == bad


# Paths and bombs


def imported(folder: Path, *paths: Path | str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "reddit_mcp", "archive", "import", *map(str, paths), "--db", str(folder / "db")]
    return subprocess.run(
        words, env=environment(folder), cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    good, pipe = packed(tmp_path, "good", THREE), tmp_path / "pipe"
    os.mkfifo(pipe)
    ended = imported(tmp_path, pipe, Path("/dev/zero"), good)
    assert ended.returncode == 0
    assert f"skipped: {pipe}: not a plain file" in ended.stdout
    assert "skipped: /dev/zero: not a plain file" in ended.stdout
    assert "3 posts" in ended.stdout


def test_the_index_over_comments_can_be_left_out(tmp_path: Path) -> None:
    line = json.dumps({"id": "c1", "body": "a kettle", "link_id": "t3_p1", "created_utc": 1_500_000_000})
    path = packed(tmp_path, "comments", line.encode())
    assert imported(tmp_path, path, "--no-comment-index").returncode == 0
    with SqliteStore(tmp_path / "db") as store, pytest.raises(NoCommentIndexError):
        store.search_comments("kettle", None, "new", "all")
    assert imported(tmp_path, path).returncode == 0
    with SqliteStore(tmp_path / "db") as store:
        assert store.search_comments("kettle", None, "new", "all") == ["t1_c1"]


BOMBS: dict[str, Callable[[], bytes]] = {
    "one endless text": lambda: b'{"id": "p1", "title": "' + b"x" * 200_000_000,
    "endless brackets": lambda: b"[" * 200_000_000,
    "endless objects": lambda: b'{"a":' * 40_000_000,
    "endless blanks": lambda: b" " * 200_000_000,
    "empty lists in one line": lambda: b"[" + b"[]," * 5_000_000 + b"[]]",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_takes_a_bounded_part_of_the_memory(tmp_path: Path, bomb: Callable[[], bytes]) -> None:
    path = packed(tmp_path, "bomb.gz", gzip.compress(bomb(), compresslevel=1))
    words = ["archive", "import", str(path), "--db", str(tmp_path / "db")]
    program = f"from reddit_mcp.cli.parser import main; main({words}); print(open('/proc/self/status').read())"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.stderr == ""
    most = re.search(r"VmHWM:\s+(\d+) kB", ended.stdout)
    assert most
    assert int(most[1]) * 1024 < 250 * MIB


# Escaping


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([{"url": "https://shop.example/p?a=1&amp;b=2"}], [{"url": "https://shop.example/p?a=1&b=2"}]),
        ([{"url": "https://shop.example/p?a=1&b=2", "title": "&amp; typed"}], [{"title": "&amp; typed"}]),
        ([{"link_flair_text": "Q&amp;A"}], [{"link_flair_text": "Q&A"}]),
        ([{"title": "&lt;3"}], [{"title": "<3"}]),
        ([{"title": "a < b"}, {"title": "how to type &amp;"}], [{"title": "a < b"}, {"title": "how to type &amp;"}]),
        ([{"title": "how to type &amp;"}, {"title": "R&D"}], [{"title": "how to type &amp;"}, {"title": "R&D"}]),
        ([{"title": "x &amp;amp; y"}], [{"title": "x &amp; y"}]),
    ],
)
def test_escaping_is_decided_by_file_and_line_for_every_text(
    tmp_path: Path, content: list[Data], expected: list[Data]
) -> None:
    lines = [line(post(number, **more)) for number, more in enumerate(content, 1)]
    run(tmp_path / "db", packed(tmp_path, "dump", b"".join(lines)))
    with SqliteStore(tmp_path / "db") as store:
        for number, right in enumerate(expected, 1):
            ((_, data),) = store.things([f"t3_p{number:05}"])
            assert {name: data[name] for name in right} == right


# Looks

LOOKS: list[tuple[str, list[Data], str]] = [
    ("a second look", [{"selftext": "old"}, {"selftext": "new", "_meta": {"retrieved_2nd_on": 1_700_000_100}}], "new"),
    ("a later deletion", [{"selftext": "text", "retrieved_on": 1_700_000_000},
                          {"selftext": "[deleted]", "retrieved_on": 1_700_000_100}], "[deleted]"),
    ("an undated deletion", [{"selftext": "text"}, {"selftext": "[removed]"}], "[removed]"),
    ("told by the archive", [{"selftext": "text", "retrieved_on": 1_700_000_000},
                             {"selftext": "gone", "_meta": {"removal_type": "moderator"}}], "gone"),
]  # fmt: skip


@pytest.mark.parametrize(("looks", "right"), [look[1:] for look in LOOKS[1:]], ids=[look[0] for look in LOOKS[1:]])
def test_the_order_of_looks_does_not_matter(tmp_path: Path, looks: list[Data], right: str) -> None:
    for number, order in enumerate(permutations(looks)):
        db = tmp_path / f"db{number}"
        run(db, packed(tmp_path, "dump", b"".join(line(post(1, **look)) for look in order)))
        with SqliteStore(db) as store:
            ((_, data),) = store.things(["t3_p00001"])
            assert data["selftext"] == right


@given(st.permutations([1_700_000_000, 1_700_000_100, 1_700_000_200]), st.booleans())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_latest_look_stays_in_any_order(tmp_path_factory: pytest.TempPathFactory, times: Any, gone: bool) -> None:
    folder = tmp_path_factory.mktemp("looks")
    body = {when: f"seen at {when}" for when in times}
    if gone:
        body[1_700_000_200] = "[deleted]"
    lines = [line(comment(1, body=body[when], retrieved_on=when)) for when in times]
    run(folder / "db", packed(folder, "dump", b"".join(lines)))
    with SqliteStore(folder / "db") as store:
        ((_, data),) = store.things(["t1_c00001"])
        assert data["body"] == body[1_700_000_200]


# What is shown of them


def test_a_crosspost_of_a_text_is_a_link(tmp_path: Path) -> None:
    shown = post(1, is_self=False, domain="self.tea", url="https://www.reddit.com/r/tea/comments/o1/", selftext="",
                 crosspost_parent="t3_o1", crosspost_parent_list=[{"id": "o1", "title": "Original"}])  # fmt: skip
    run(tmp_path / "db", packed(tmp_path, "dump", line(shown)))
    with SqliteStore(tmp_path / "db") as store:
        assert store.search("self:no", None, "new", "all") == ["t3_p00001"]


@pytest.mark.parametrize(
    ("title", "query"),
    [("Łódź", "lodz"), ("lodz", "Łódź"), ("Istanbul", "ıstanbul"), ("Smørrebrød", "smorrebrod"), ("đường", "duong")],
)
def test_letters_with_strokes_are_found_without(tmp_path: Path, title: str, query: str) -> None:
    run(tmp_path / "db", packed(tmp_path, "dump", line(post(1, title=title))))
    with SqliteStore(tmp_path / "db") as store:
        assert store.search(query, None, "new", "all") == ["t3_p00001"]


def test_comments_without_their_post_do_not_make_one(tmp_path: Path) -> None:
    report: Report = run(tmp_path / "db", packed(tmp_path, "dump", line(comment(1)) + line(comment(2))))
    assert report.read == {"t1": 2}
    assert ids(tmp_path / "db", "post") == set()
