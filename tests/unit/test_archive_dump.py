"""Dump lines and files: every shape that dumps come in, and damage of every sort."""

import gzip
import json
import random
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.archive.dump import BadLine, DumpError, Progress, Report, Skipped, files, import_paths
from reddit_mcp.archive.dump.lines import things

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Data = dict[str, Any]


def post(number: int = 1, **more: Any) -> Data:
    return {"id": f"p{number:05}", "title": f"Title {number}", "selftext": "Text", "subreddit": "tea", **more}


def comment(number: int = 1, **more: Any) -> Data:
    return {"id": f"c{number:05}", "body": f"Body {number}", "link_id": "t3_p00001", "subreddit": "tea", **more}


def line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def wrapped(kind: str, data: Data) -> Data:
    return {"kind": kind, "data": data}


def listing(*children: Data) -> Data:
    return wrapped("Listing", {"children": list(children), "after": None})


def run(db: Path, *paths: Path) -> Report:
    return import_paths(paths, db, lambda _: None)


def ids(db: Path, table: str) -> set[int]:
    with closing(sqlite3.connect(db)) as reader:
        return {row[0] for row in reader.execute(f"SELECT id FROM {table}")}


def titles(db: Path) -> dict[int, str]:
    with closing(sqlite3.connect(db)) as reader:
        return dict(reader.execute("SELECT id, title FROM post"))


# Lines


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (comment(), "t1"),
        (comment(name="t1_c00001"), "t1"),
        ({"id": "c1", "body": "x", "parent_id": "t1_b"}, "t1"),
        (post(), "t3"),
        ({"id": "p1", "title": "x", "url": "https://example.com"}, "t3"),
        ({"id": "p1", "name": "t3_p1"}, "t3"),
        ({"name": "someone", "link_karma": 1}, "t2"),
        ({"name": "t3_someone", "comment_karma": 1}, "t2"),
        ({"name": "someone", "is_suspended": True}, "t2"),
        ({"display_name": "tea", "title": "Tea", "url": "/r/tea/"}, "t5"),
        (wrapped("t1", comment()), "t1"),
        (wrapped("t3", {"id": "p1"}), "t3"),
        (wrapped("t2", {"name": "someone"}), "t2"),
        (wrapped("t5", {"display_name": "tea"}), "t5"),
    ],
)
def test_the_kind_is_told_from_wrapper_name_or_fields(data: Data, kind: str) -> None:
    assert [found for found, _ in things(line(data))] == [kind]


def thread() -> list[Data]:
    inner = wrapped("t1", comment(3, replies=listing(wrapped("more", {"children": ["x"], "count": 1}))))
    outer = wrapped("t1", comment(2, replies=listing(inner)))
    return [listing(wrapped("t3", post())), listing(outer, wrapped("t1", comment(4, replies="")))]


@pytest.mark.parametrize("value", [thread(), {"response": thread(), "thread": "t3_p00001"}])
def test_a_whole_thread_is_taken_apart(value: Any) -> None:
    found = things(line(value))
    assert [(kind, data["id"]) for kind, data in found] == [
        ("t3", "p00001"), ("t1", "c00002"), ("t1", "c00003"), ("t1", "c00004"),
    ]  # fmt: skip
    assert [data["replies"] for kind, data in found if kind == "t1"] == ["", "", ""]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"nonsense", "not JSON"),
        (b'{"id": ' + b"9" * 5_000 + b"x}", "not JSON"),
        (b'{"id": 1', "not JSON"),
        (b"17", "no Reddit thing in it"),
        (b"{}", "no Reddit thing in it"),
        (b'{"kind": "t4", "data": {"id": "a", "body": "mail"}}', "no Reddit thing in it"),
        (b'{"kind": "t1", "data": null}', "no Reddit thing in it"),
        (b'{"kind": "Listing", "data": {"children": null}}', "no Reddit thing in it"),
        (b'{"kind": "t1", "data": {"body": "no id", "link_id": "t3_a"}}', "no Reddit thing in it"),
        (b'{"title": "no id", "url": ""}', "no Reddit thing in it"),
        (b"[" * 50_000 + b"]" * 50_000, "nested too deeply"),
    ],
)
def test_a_line_without_a_thing_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        things(raw)


def test_damaged_text_is_no_reason_to_lose_a_line() -> None:
    (_, half), (_, broken) = things(b'{"id":"c1","body":"\\ud83d","link_id":"t3_a"}') + things(
        b'{"id":"c2","body":"caf\xe9","link_id":"t3_a"}'
    )
    assert half["body"] == "\ud83d"
    assert broken["body"] == "caf\ufffd"


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (comment(body="a &lt; b &amp;amp;", body_html="&lt;p&gt;a &amp;lt; b&lt;/p&gt;"), "a < b &amp;"),
        (comment(body="a &lt; b", body_html="<p>a &amp;lt; b</p>"), "a &lt; b"),
        (comment(body="&gt; quote", body_html=None), "> quote"),
        (comment(body="R&amp;D"), "R&D"),
        (comment(body="I typed &lt; for <"), "I typed &lt; for <"),
        (comment(body="AT&T and &lt;"), "AT&T and &lt;"),
        (comment(body="fish & chips"), "fish & chips"),
    ],
)
def test_text_is_unescaped_once_where_reddit_escaped_it(data: Data, body: str) -> None:
    assert things(line(data))[0][1]["body"] == body


def test_a_signed_image_url_tells_that_a_line_is_escaped() -> None:
    images = {"images": [{"source": {"url": "https://preview.redd.it/a.png?width=1&amp;s=0f"}}]}
    data = things(line(post(title="Q &amp; A <", preview=images)))[0][1]
    assert data["title"] == "Q & A <"
    assert data["preview"]["images"][0]["source"]["url"].endswith("?width=1&s=0f")


def test_escapes_that_other_encoders_write_are_understood() -> None:
    raw = b'{"id":"c1","link_id":"t3_a","body":"1 \\u0026lt; 2 <","body_html":"\\u0026lt;p\\u0026gt;"}'
    assert things(raw)[0][1]["body"] == "1 < 2 <"


# Files


def packed(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


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
    monkeypatch.setattr(files, "_LONGEST", 1_000)
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


# Damage

VICTIMS = [
    line(wrapped("t1", comment(1, id="vc1", author="someone", score=3, created_utc=1_500_000_000, parent_id="t1_vc0"))),
    line(post(1, id="vp1", name="t3_vp1", author="someone", created_utc="1500000000", edited=False, preview={})),
    line({"name": "victim", "link_karma": 1, "created_utc": 1.5e9}),
    line({"display_name": "victims", "title": "Victims", "url": "/r/victims/", "subscribers": 12}),
    line(thread()),
]
HARM = [b"\n", b"\r", b"\0", b"\xff", b"\xc3", b'"', b"{", b"}", b"[", b"]", b"\\", b"\\ud800", b"9" * 400, b"1e999",
        b"-", b"NaN", b"null", b"&amp;", b",", b":", b"\xe2\x80\xa8", b"true", b"t5", b"_"]  # fmt: skip


def harmed(victim: bytes, rng: random.Random) -> bytes:
    """A line with one to three places cut out, overwritten or filled."""
    body = bytearray(victim.rstrip(b"\n"))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(body) + 1)
        body[at : at + rng.choice((0, 0, 1, 1, 7))] = rng.choice((b"", rng.choice(HARM), rng.randbytes(1)))
    return bytes(body) + b"\n"


def test_ten_thousand_damaged_lines_cost_no_other_line(tmp_path: Path) -> None:
    rng = random.Random(20)
    sound = [line(comment(number, id=f"zz{number:05}", body=f"sound {number}")) for number in range(2_001)]
    parts = [sound[0]]
    for at in range(2_000):
        parts += [harmed(rng.choice(VICTIMS), rng) for _ in range(5)]
        parts.append(sound[at + 1])
    report = run(tmp_path / "db", packed(tmp_path, "a", b"".join(parts)))
    kept = ids(tmp_path / "db", "comment")
    assert all(int(f"zz{number:05}", 36) in kept for number in range(2_001))
    assert 1_000 < report.bad_lines < report.lines
    assert report.lines >= 12_001


GARBAGE = [
    "null", "true", "[]", "{}", '""', '" "', "-1", "0", "1.5", "1e999", "-1e999", "NaN", "9" * 400, "1" * 30,
    '"\\ud800"', '"\\u0000"', '"[deleted]"', '"t1_"', '"t3_zzzzzzzzzzzzzzzzzzzzzzzzz"', '"1500000000.5"', '"&lt;"',
    "[" * 300 + "]" * 300, '"' + "x" * 9_000 + '"', '{"kind": "Listing", "data": 5}',
]  # fmt: skip


def test_no_value_of_any_field_stops_the_import(tmp_path: Path) -> None:
    full = [
        wrapped("t1", comment(1, name="t1_c00001", parent_id="t1_b", author="a", score=1, downs=0, controversiality=0,
                              created_utc=1, retrieved_on=1, replies="", permalink="/r/tea/", subreddit_id="t5_a",
                              stickied=False, edited=False, body_html="<p>", distinguished=None, depth=0)),
        wrapped("t3", post(1, name="t3_p00001", author="a", score=1, ups=1, downs=0, upvote_ratio=0.5, num_comments=1,
                           created_utc=1, retrieved_utc=1, url="https://a.b/", domain="a.b", permalink="/r/tea/",
                           is_self=False, over_18=False, stickied=False, link_flair_text="", selftext_html="<p>")),
        wrapped("t2", {"name": "a", "id": "b", "link_karma": 1, "created_utc": 1, "retrieved_on": 1}),
        wrapped("t5", {"display_name": "a", "id": "b", "name": "t5_b", "title": "", "public_description": "",
                       "subscribers": 1, "url": "/r/a/", "rules": [], "retrieved_on": 1}),
    ]  # fmt: skip
    parts = [line(thing) for thing in full]
    for thing in full:
        for field in thing["data"]:
            text = json.dumps(thing | {"data": thing["data"] | {field: "@"}})
            parts += [text.replace('"@"', garbage).encode() + b"\n" for garbage in GARBAGE]
    sentinel = line(comment(1, id="zzzzzz"))
    report = run(tmp_path / "db", packed(tmp_path, "a", b"".join([*parts, sentinel])))
    assert report.lines == len(parts) + 1
    assert int("zzzzzz", 36) in ids(tmp_path / "db", "comment")
