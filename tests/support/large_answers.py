"""Answers that are too large, packed and unpacked, and what they cost this process."""

import contextlib
import threading
import zlib
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import pytest

from tests.support.scripted_reddit import Reply

MEGABYTE = 1024 * 1024
ROOM = 40 * MEGABYTE
"""How much memory reading any answer may take."""

Parts = Callable[[threading.Event], Iterator[bytes]]


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", "content-type: application/json", *lines, "", "")).encode()


def bomb(gigabytes: int, wbits: int = 31) -> bytes:
    """Zeros, packed a thousand times smaller: one packed megabyte again and again, for a full flush forgets all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    start = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * (gigabytes * 1024)


def packed(content: bytes, packing: str, **headers: str) -> Reply:
    return Reply(body=content, headers={"content-encoding": packing, **headers})


def endless(*lines: str, megabytes: int = 200, status: str = "200 OK", before: bytes = b"[") -> Reply:
    """So many megabytes of blanks, with a head that need not say so."""

    def parts(closing: threading.Event) -> Iterator[bytes]:
        yield head(*lines, status=status) + before
        for part in repeat(b" " * MEGABYTE, megabytes):
            if closing.is_set():
                return
            yield part

    return Reply(raw=parts)


def chunked(megabytes: int = 200) -> Reply:
    """The same in chunks."""

    def parts(_closing: threading.Event) -> Iterator[bytes]:
        yield head("transfer-encoding: chunked")
        yield from repeat(b"100000\r\n" + b" " * MEGABYTE + b"\r\n", megabytes)

    return Reply(raw=parts)


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


@contextlib.contextmanager
def within(room: int = ROOM) -> Iterator[None]:
    """Fails where this process ever had so many bytes more in memory inside the context than before it."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("only Linux tells how much memory a process had at most")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: proc(5)
    before = _status("VmRSS:")
    yield
    grown = _status("VmHWM:") - before
    assert grown < room, f"{grown / MEGABYTE:.0f} MB"
