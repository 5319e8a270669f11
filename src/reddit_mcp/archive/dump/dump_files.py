"""Dump files on disk: which there are, and the items in them, whatever they are packed with or written in."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from reddit_mcp.archive.dump import json_items

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

UNREADABLE = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zstd.ZstdError,
)  # what reading a missing or damaged file raises
_GZIP, _BZIP2, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # behind a byte from 0x50 to 0x5f: a frame of zstd that holds no data
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WINDOW_LOG = 31  # the public monthly dumps are packed with `--long=31`
_BUFFER = 1 << 20
LONGEST = 16 * 1024 * 1024
"""Bytes of a line."""


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
    """An open dump file. How it is packed and written is told by its first bytes, since names lie.

    Raises:
        OSError: the file cannot be opened, or is no plain file: a pipe would never end.
    """

    def __init__(self, path: Path) -> None:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise OSError(None, "not a plain file")
        self.size = found.st_size
        with ExitStack() as opened:
            self._raw = opened.enter_context(path.open("rb", buffering=_BUFFER))
            self._stream = opened.enter_context(_unpacked(self._raw))
            self._opened = opened.pop_all()

    @property
    def position(self) -> int:
        """How many bytes of the file have been read, packed as they are."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[bytes | None]:
        """The lines, or the values of a file that has not one value a line; None for one that is too long.

        Raises:
            one of UNREADABLE: the file is damaged.
        """
        readline = self._readline()
        first = line_of(readline)
        while first is not None and first.isspace():
            yield first
            first = line_of(readline)
        if first is not None and _is_part(first):
            yield from json_items.items(readline, first)
            return
        while first != b"":
            yield first
            first = line_of(readline)

    def close(self) -> None:
        """Release the file."""
        self._opened.close()

    def _readline(self) -> Callable[[int], bytes]:
        """Reads a line, or so many bytes of it, as UTF-8 without a byte order mark."""
        begin = self._stream.peek(4)[:4] if isinstance(self._stream, io.BufferedReader) else b""
        if begin.startswith(_UTF16):
            text = io.TextIOWrapper(self._stream, "utf-16", errors="replace", newline="")
            self._opened.callback(text.detach)
            return lambda size: text.readline(size).encode("utf-8", "replace")
        if begin.startswith(codecs.BOM_UTF8):
            self._stream.read(len(codecs.BOM_UTF8))
        return self._stream.readline


def line_of(readline: Callable[[int], bytes]) -> bytes | None:
    """The next line, empty at the end; None for one that is too long, whose rest is passed over."""
    line = readline(LONGEST)
    if len(line) < LONGEST or line.endswith(b"\n"):
        return line
    while (rest := readline(LONGEST)) and not rest.endswith(b"\n"):
        pass
    return None


def _is_part(line: bytes) -> bool:
    """Whether a first line is only the begin of a value, or holds more than one."""
    if json_items.has_too_many_values(line) or not line.lstrip().startswith((b"{", b"[")):
        return False
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return True
    return False


def _unpacked(raw: BinaryIO) -> BinaryIO:
    magic = raw.read(5)
    raw.seek(0)
    if magic.startswith(_GZIP):
        return _buffered(gzip.GzipFile(fileobj=raw))
    if magic.startswith(_BZIP2):
        return _buffered(bz2.BZ2File(raw))
    if magic.startswith(_XZ):
        return _buffered(lzma.LZMAFile(raw))
    if magic.startswith(_ZSTD) or (magic[1:4] == _SKIPPABLE and 0x50 <= magic[0] <= 0x5F):  # noqa: PLR2004
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        return _buffered(zstd.ZstdFile(raw, options=options))
    return raw


def _buffered(unpacking: io.BufferedIOBase) -> BinaryIO:
    """Lines from a buffer in C; the unpackers' own `readline` is slow."""
    return io.BufferedReader(cast("io.RawIOBase", unpacking), _BUFFER)
