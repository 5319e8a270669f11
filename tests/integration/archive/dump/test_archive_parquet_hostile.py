"""Parquet files that are damaged, of another kind, or made to take all memory; and no library to read them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reddit_mcp.archive.dump import Progress, import_paths, parquet_reader
from reddit_mcp.archive.dump.dump_files import LONGEST
from tests.support.dump_import import comment, packed, post, run
from tests.support.parquet_files import comments, parquet
from tests.support.server_process import environment


def skipped(folder: Path, path: Path) -> str:
    """Why the import passed over the file, beside which another is imported."""
    report = run(folder / "db", path, parquet(folder / "whole", [comment()]))
    assert dict(report.read) == {"t1": 1}
    (told,) = report.skipped
    assert told.path == path
    assert "\n" not in told.reason
    return told.reason


def table(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table({name: pa.array(*given) for name, given in columns.items()}), path)
    return path


TEXT, NESTED = (["a"],), ([{"x": 1}],)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"title": TEXT, "url": TEXT}, "no column `id`"),
        ({"id": NESTED, "title": TEXT, "url": TEXT}, "no column `id`"),
        ({"id": TEXT, "price": ([1],)}, "no columns of posts"),
        ({"id": TEXT, "title": NESTED, "url": TEXT}, "no columns of posts"),
        ({"id": TEXT, "body": TEXT}, "or of comments"),
        ({"id": ([],), "title": ([],), "url": ([],)}, "empty"),
    ],
)
def test_a_file_with_other_columns_is_skipped_and_says_why(tmp_path: Path, columns: Any, reason: str) -> None:
    assert reason in skipped(tmp_path, table(tmp_path / "x", **columns))


@pytest.mark.parametrize("keep", [4, 12, 400, -9, -1])
def test_a_truncated_file_is_skipped_and_says_why(tmp_path: Path, keep: int) -> None:
    content = parquet(tmp_path / "long", comments(500)).read_bytes()
    assert skipped(tmp_path, packed(tmp_path, "x", content[:keep]))


def test_an_encrypted_file_is_skipped(tmp_path: Path) -> None:
    assert skipped(tmp_path, packed(tmp_path, "x", b"PARE" + bytes(100) + b"PARE"))


def test_too_deep_a_schema_is_an_error_of_the_file(tmp_path: Path) -> None:
    deep: Any = pa.string()
    for _ in range(200):
        deep = pa.struct([("a", deep)])
    assert "nested" in skipped(tmp_path, table(tmp_path / "x", id=TEXT, title=TEXT, url=TEXT, media=([None], deep)))


def test_what_comes_before_the_damage_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x"
    pq.write_table(pa.Table.from_pylist(comments(6_000)), path, row_group_size=3_000, compression="none")
    content = bytearray(path.read_bytes())
    chunk = pq.ParquetFile(path).metadata.row_group(1).column(1)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content[start : start + 64] = b"\xff" * 64
    path.write_bytes(content)
    report = run(tmp_path / "db", path)
    assert 2_500 <= report.read["t1"] <= 3_000
    assert report.bad_lines == 1
    assert report.examples[-1].reason.startswith("the file is damaged from here on: ")


def test_bad_rows_are_counted_and_the_others_taken(tmp_path: Path) -> None:
    rows = [post(1), post(2) | {"id": None}, post(3) | {"id": "???"}, post(4) | {"selftext": "x" * (LONGEST + 9)}]
    report = run(tmp_path / "db", parquet(tmp_path / "x", [*rows, post(5)]))
    assert (report.read["t3"], report.bad_lines) == (2, 3)


def test_broken_utf8_is_no_reason_to_lose_a_row(tmp_path: Path) -> None:
    broken = pa.array([b"half \xe2\x82", b"whole"]).view(pa.string())
    columns = {"id": pa.array(["a1", "a2"]), "title": broken, "url": pa.array(["https://a.example"] * 2)}
    pq.write_table(pa.table(columns), tmp_path / "x")
    report = run(tmp_path / "db", tmp_path / "x")
    assert (report.read["t3"], report.bad_lines) == (2, 0)


IMPORT = """
import resource, sys
from pathlib import Path
from reddit_mcp.archive.dump import import_paths

report = import_paths([Path(sys.argv[2])], Path(sys.argv[1]), lambda _: None)
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(report.read.total(), report.bad_lines, peak // 1024, *(bad.reason for bad in report.examples))
"""


def peak(db: Path, path: Path) -> tuple[int, int, int, str]:
    """Things read, bad lines, megabytes of the larger process at most, and what was said of the bad lines."""
    beneath = ["/bin/sh", "-c", '"$0" "$@"; exit $?']  # a process begins with the peak of the one that started it
    command = [*beneath, sys.executable, "-c", IMPORT, str(db), str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    read, bad, most, *said = ended.stdout.split(" ", 3)
    return int(read), int(bad), int(most), " ".join(said)


def test_memory_does_not_grow_with_a_row_group(tmp_path: Path) -> None:
    """A row group of 240 MB; one in real files has as much."""
    path = tmp_path / "x"
    schema = pa.schema([("id", pa.string()), ("body", pa.string()), ("link_id", pa.string())])
    count = 20_000
    rows = [[f"c{number:05}" for number in range(count)], [f"{number} word " * 1_200 for number in range(count)]]
    whole = pa.table([*map(pa.array, rows), pa.array(["t3_p1"] * count)], schema=schema)
    pq.write_table(whole, path, row_group_size=count, use_dictionary=False)
    size = pq.ParquetFile(path).metadata.row_group(0).total_byte_size
    assert size > 200_000_000
    read, bad, most, _ = peak(tmp_path / "db", path)
    assert (read, bad) == (count, 0)
    assert most < 250


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere memory has no such bound")
def test_a_bomb_ends_the_file_and_not_the_import(tmp_path: Path) -> None:
    """A text of 15 MB in a dictionary, told 3,000 times: kilobytes that are 45 GB when unpacked."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 3_000, pa.int32()), ["x" * 15_000_000])
    columns = {"id": pa.array([f"p{number}" for number in range(3_000)]), "title": texts, "url": texts}
    pq.write_table(pa.table(columns), tmp_path / "x", compression="zstd", row_group_size=3_000)
    assert (tmp_path / "x").stat().st_size < 200_000
    assert parquet_reader.MOST_MEMORY <= 1 << 30
    read, _, most, _ = peak(tmp_path / "db", tmp_path / "x")
    assert read == 0
    assert most < 1_250
    reason = skipped(tmp_path, tmp_path / "x")
    assert reason == "no Reddit dump: the file is damaged from here on: it unpacks to more than 1024 MB at once"


def test_a_reader_that_is_killed_ends_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by the system, when memory is short."""
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr("reddit_mcp.archive.dump.parquet_file._COMMAND", (sys.executable, "-c", killed))
    (told,) = run(tmp_path / "db", parquet(tmp_path / "x", [post()])).skipped
    assert told.reason == "its reader was ended by signal 9"


def test_progress_comes_to_the_size_of_the_file(tmp_path: Path) -> None:
    path, seen = parquet(tmp_path / "x", comments(4_500)), list[Progress]()
    import_paths([path], tmp_path / "db", seen.append)
    assert [each.lines for each in seen] == [2_000, 4_000, 4_500]
    assert [each.position for each in seen] == sorted(each.position for each in seen)
    assert 0 < seen[0].position < seen[-1].position == seen[-1].size == path.stat().st_size


WITHOUT = (
    "import sys; sys.modules['pyarrow'] = None; from reddit_mcp.cli.parser import main; sys.exit(main(sys.argv[1:]))"
)


def test_without_the_extra_one_line_says_how_to_install_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT, "archive", "import", str(parquet(tmp_path / "x.parquet", [post()]))]
    ended = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "x.parquet is a Parquet file; to read it: pip install 'mcp-for-reddit[parquet]'" in ended.stderr
