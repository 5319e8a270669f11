"""Parquet files: the same archive as from JSON, whatever forms their columns have."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.dump_import import Data, comment, ids, packed, post, run
from tests.support.parquet_files import CREATED, comments, content, ndjson, parquet, posts


def same(folder: Path, rows: list[Data], other: Path) -> None:
    """An archive of the rows as JSON is that of the Parquet file, row by row."""
    lines, columns = run(folder / "lines.db", ndjson(folder / "lines.jsonl", rows)), run(folder / "columns.db", other)
    assert (lines.lines, lines.bad_lines) == (columns.lines, columns.bad_lines) == (len(rows), 0)
    assert lines.read == columns.read
    assert content(folder / "lines.db") == content(folder / "columns.db")


def test_json_and_parquet_of_the_same_data_give_the_same_archive(tmp_path: Path) -> None:
    rows = posts(), comments()
    run(tmp_path / "lines", *(ndjson(tmp_path / f"{at}.jsonl", each) for at, each in enumerate(rows)))
    forms = {"media_metadata": pa.map_(pa.string(), pa.struct([("status", pa.string()), ("s", pa.struct(
        [("u", pa.string()), ("x", pa.int64())]))])), "edited": pa.int64()}  # fmt: skip
    edited = [row | {"edited": row["edited"] or None} for row in rows[0]]
    files = parquet(tmp_path / "0.parquet", edited, **forms), parquet(tmp_path / "1.parquet", rows[1])
    report = run(tmp_path / "columns", *files)
    assert (report.lines, report.bad_lines) == (9_000, 0)
    first, second = content(tmp_path / "lines"), content(tmp_path / "columns")
    for table in (first, second):  # a column has one type: no edit is false in JSON and null there
        table["post"] = [(*row[:-1], {**row[-1], "edited": row[-1]["edited"] or None}) for row in table["post"]]
    assert first == second
    assert (len(first["post"]), len(first["comment"])) == (3_000, 6_000)
    assert len(first["words"]) > 10_000


def as_text(rows: list[Data], *names: str) -> list[Data]:
    return [{name: json.dumps(value) if name in names else value for name, value in row.items()} for row in rows]


def timed(make: Callable[[int], Any], rows: list[Data]) -> list[Data]:
    return [row | {"created_utc": make(row["created_utc"])} for row in rows]


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_nested_fields_may_be_json_in_a_text(tmp_path: Path) -> None:
    rows = posts(200)
    texts = as_text(rows, "gallery_data", "media_metadata", "edited", "score", "over_18")
    same(tmp_path, rows, parquet(tmp_path / "x", texts))


@pytest.mark.parametrize(
    ("make", "type_"),
    [
        (str, None),
        (moment, pa.timestamp("s")),
        (moment, pa.timestamp("ms", tz="UTC")),
        (moment, pa.timestamp("ns", tz="Europe/Paris")),
        (lambda seconds: moment(seconds).isoformat(), None),
        (lambda seconds: moment(seconds).strftime("%Y-%m-%d %H:%M:%S"), None),
        (int, pa.uint32()),
    ],
)
def test_a_time_may_have_any_form(tmp_path: Path, make: Callable[[int], Any], type_: Any) -> None:
    rows = comments(50)
    same(tmp_path, rows, parquet(tmp_path / "x", timed(make, rows), created_utc=type_))


def test_a_time_may_be_a_float(tmp_path: Path) -> None:
    rows = timed(float, comments(50))
    same(tmp_path, rows, parquet(tmp_path / "x", rows))


@pytest.mark.parametrize(
    "type_", [pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int8(), pa.string())]
)
def test_a_text_may_have_any_form(tmp_path: Path, type_: Any) -> None:
    rows = posts(100)
    table = {name: pa.array([row[name] for row in rows]) for name in ("id", "title", "url", "subreddit")}
    table["subreddit"] = table["subreddit"].cast(type_)
    pq.write_table(pa.table(table), tmp_path / "x")
    same(tmp_path, [{name: row[name] for name in table} for row in rows], tmp_path / "x")


def test_yes_and_no_may_be_numbers(tmp_path: Path) -> None:
    rows = [row | {"edited": None} for row in posts(20)]
    same(tmp_path, rows, parquet(tmp_path / "x", [row | {"over_18": int(row["over_18"])} for row in rows]))


def test_an_id_may_have_its_prefix_or_be_a_number(tmp_path: Path) -> None:
    prefixed = parquet(tmp_path / "a", [post() | {"id": "t3_p00001"}, post(2)])
    numbered = parquet(tmp_path / "b", [comment() | {"id": int("c00001", 36)}])
    named = parquet(tmp_path / "c", [{"name": "t3_p00003", "title": "No id", "url": "https://a.example"}])
    report = run(tmp_path / "db", prefixed, numbered, named)
    assert (report.bad_lines, dict(report.read)) == (0, {"t3": 3, "t1": 1})
    assert ids(tmp_path / "db", "post") == {int(f"p0000{number}", 36) for number in (1, 2, 3)}
    assert ids(tmp_path / "db", "comment") == {int("c00001", 36)}


def test_posts_and_comments_may_share_a_file(tmp_path: Path) -> None:
    report = run(tmp_path / "db", parquet(tmp_path / "x", [post(1), comment(1), post(2), comment(2)]))
    assert dict(report.read) == {"t3": 2, "t1": 2}


def test_its_first_bytes_tell_a_parquet_file_whatever_its_name(tmp_path: Path) -> None:
    file = parquet(tmp_path / "RS_2024-01.zst", [post()])
    lines = packed(tmp_path, "x.parquet", ndjson(tmp_path / "y", [comment()]).read_bytes())
    report = run(tmp_path / "db", file, lines)
    assert dict(report.read) == {"t3": 1, "t1": 1}


def test_a_second_import_changes_nothing(tmp_path: Path) -> None:
    file = parquet(tmp_path / "x", comments(2_500))
    first = run(tmp_path / "db", file)
    before = content(tmp_path / "db")
    second = run(tmp_path / "db", file)
    assert content(tmp_path / "db") == before
    assert (first.added.total(), second.added.total()) == (2_500, 0)


def test_columns_that_nobody_reads_are_not_read(tmp_path: Path) -> None:
    rows = [post(number, body_html=f"<p>{number}</p>" * 50) for number in range(300)]
    path = tmp_path / "x"
    pq.write_table(pa.Table.from_pylist(rows), path, compression="none", use_dictionary=False)
    spoiled = path.read_bytes().replace(b"<p>", b"\xff\xff\xff")
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(pq.read_schema(path).names.index("body_html"))
    start = chunk.data_page_offset
    path.write_bytes(spoiled[:start] + b"\xff" * 64 + spoiled[start + 64 :])
    with pytest.raises(OSError, match=r"."):
        pq.read_table(path)
    report = run(tmp_path / "db", path)
    assert (report.lines, report.bad_lines, dict(report.read)) == (300, 0, {"t3": 300})
    assert all("body_html" not in row[-1] for row in content(tmp_path / "db")["post"])


def test_a_time_is_that_of_the_thing(tmp_path: Path) -> None:
    run(tmp_path / "db", parquet(tmp_path / "x", timed(moment, comments(1)), created_utc=pa.timestamp("us")))
    assert content(tmp_path / "db")["span"] == [(0, CREATED, CREATED)]
