"""A Parquet file as lines of JSON on standard output: the process that `parquet_file` starts.

A page of a few kilobytes may unpack to gigabytes, and what reads Parquet has no bound of its own. So it is read by a
process with a bound on its memory (on Linux), whose end is an error in one file and not the end of an import.
"""

import contextlib
import sys
from pathlib import Path

import orjson
import pyarrow.parquet as pq

from reddit_mcp.archive.dump.parquet_columns import lines, taken

MOST_MEMORY = 1 << 30
"""Bytes. The pages of all columns of a row group, unpacked, one a column: some tens of megabytes in real files."""

_ROWS = 500  # unpacked at a time
_BUFFER = 1 << 20
_THRIFT = {"thrift_string_size_limit": 1 << 26, "thrift_container_size_limit": 1 << 22}  # of the file's description


def main(path: str) -> str:
    """Write a first line with the number of rows, then the rows; gives what went wrong, in a line."""
    _bound_memory()
    try:
        _write(Path(path))
    except BrokenPipeError:  # nobody reads on
        sys.stdout = None
    except MemoryError:
        return f"it unpacks to more than {MOST_MEMORY >> 20} MB at once"
    except Exception as error:  # noqa: BLE001 - whatever a library raises over a damaged file
        return " ".join(str(error).split())[:300] or type(error).__name__
    return ""


def _write(path: Path) -> None:
    with path.open("rb") as raw, pq.ParquetFile(raw, buffer_size=_BUFFER, pre_buffer=False, **_THRIFT) as file:
        columns = taken(file.schema_arrow)
        _send(orjson.dumps({"rows": file.metadata.num_rows}) + b"\n")
        for batch in file.iter_batches(_ROWS, columns=columns, use_threads=False):
            for line in lines(batch):
                _send(line)
    sys.stdout.buffer.flush()


def _send(line: bytes) -> None:
    sys.stdout.buffer.write(line)


def _bound_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows; a lower bound stays
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) or 0)
