"""Dump files on disk: which there are, and their lines, whatever they are packed with."""

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

UNREADABLE = (OSError, EOFError, zlib.error, zstd.ZstdError)  # what reading a missing or damaged file raises
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_WINDOW_LOG = 31  # the public monthly dumps are packed with `--long=31`
_BUFFER = 1 << 20
_LONGEST = 1 << 26  # bytes; a thread of 40,000 comments still fits into a line


def dump_files(paths: list[Path], failed: Callable[[OSError], None]) -> Iterator[Path]:
    """The files among `paths` and in the folders among them, in the order of their names.

    A folder that cannot be read is told to `failed`. A path that is no folder is handed on, whether it exists or not.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path, onerror=failed):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names) if Path(folder, name).is_file())


class DumpFile:
    """An open dump file. How it is packed is told by its first bytes, since names lie.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        with ExitStack() as opened:
            self._raw = opened.enter_context(path.open("rb", buffering=_BUFFER))
            self._stream = opened.enter_context(_unpacked(self._raw))
            self._opened = opened.pop_all()

    @property
    def position(self) -> int:
        """How many bytes of the file have been read, packed as they are."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[bytes]:
        """The lines. One too long to be a thing comes cut, and its rest is passed over.

        Raises:
            one of UNREADABLE: the file is damaged.
        """
        while line := self._stream.readline(_LONGEST):
            rest = line
            while len(rest) == _LONGEST and not rest.endswith(b"\n"):
                rest = self._stream.readline(_LONGEST)
            yield line

    def close(self) -> None:
        """Release the file."""
        self._opened.close()


def _unpacked(raw: BinaryIO) -> BinaryIO:
    magic = raw.read(4)
    raw.seek(0)
    if magic.startswith(_GZIP):
        return _buffered(gzip.GzipFile(fileobj=raw))
    if magic == _ZSTD:
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        return _buffered(zstd.ZstdFile(raw, options=options))
    return raw


def _buffered(unpacking: io.BufferedIOBase) -> BinaryIO:
    """Lines from a buffer in C; the unpackers' own `readline` is slow."""
    return io.BufferedReader(cast("io.RawIOBase", unpacking), _BUFFER)
