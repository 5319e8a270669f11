"""An open Parquet file: its rows as lines of JSON, so that everything else is as with a dump in JSON."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson

from reddit_mcp.archive.dump.dump_files import LONGEST, line_of

_MAGIC = (b"PAR1", b"PARE")  # the second is an encrypted one
_COMMAND = (sys.executable, "-P", "-m", "reddit_mcp.archive.dump.parquet_reader")
_PLAIN = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Memory is taken as it is needed: pools and threads ahead of need would count against the bound of the reader."""


class NoParquetError(Exception):
    """What reads Parquet is not installed; the message says how it is."""


def is_parquet(path: Path) -> bool:
    """Whether a plain file says so in its first bytes.

    Raises:
        OSError: it cannot be opened.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


class ParquetFile:
    """See `DumpFile`. `position` is a share of the size, by the rows that were read.

    Raises:
        NoParquetError: the extra is not installed.
        OSError: the file is damaged, or holds neither posts nor comments.
    """

    def __init__(self, path: Path) -> None:
        if importlib.util.find_spec("pyarrow") is None:
            raise NoParquetError(f"{path.name} is a Parquet file; to read it: pip install 'mcp-for-reddit[parquet]'")
        self.size = path.stat().st_size
        self._read = 0
        self._reader = _reader(path)
        head = self._reader.stdout.readline(LONGEST) if self._reader.stdout else b""
        if not head:
            self._rows = 0
            raise OSError(None, self._ended() or "damaged")
        self._rows = orjson.loads(head)["rows"]

    @property
    def position(self) -> int:
        """How many bytes of the file have been read, about."""
        return self.size * min(self._read, self._rows) // max(self._rows, 1)

    def __iter__(self) -> Iterator[bytes | None]:
        """The rows; None for one that is too long.

        Raises:
            OSError: the file is damaged, or needs more memory than a file should.
        """
        if self._reader.stdout is None:
            return
        while (line := line_of(self._reader.stdout.readline)) != b"":
            self._read += 1
            yield line
        if reason := self._ended():
            raise OSError(None, reason)

    def close(self) -> None:
        """End the reader."""
        self._reader.kill()
        self._reader.communicate()

    def _ended(self) -> str:
        """What the reader said at its end, if it was not a good one."""
        _, said = self._reader.communicate()
        if self._reader.returncode < 0:
            return f"its reader was ended by signal {-self._reader.returncode}"
        told = said.decode("utf-8", "replace").strip().splitlines()
        return (told[-1] if told else "its reader failed") if self._reader.returncode else ""


def _reader(path: Path) -> subprocess.Popen[bytes]:
    command = [*_COMMAND, str(path.absolute())]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=os.environ | _PLAIN, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)  # noqa: S603 - our own program
