"""The body of an upstream's answer, counted while it is read, packed and unpacked: a small one may unpack to gigabytes.

It knows no HTTP library: each one's reader feeds it what comes off the wire, before that library unpacks anything.
"""

import mmap
import zlib
from collections.abc import Callable, Mapping

LARGEST = 16 * 1024 * 1024
"""Bytes of an answer, packed and unpacked alike; Reddit's longest listings and threads have less than a tenth."""

LARGE = 1024 * 1024
"""Bytes beyond which an answer is an unusual one, so that it may have to wait for another's end."""

PART = 65_536
"""Bytes that are read, and unpacked, at a time."""

ACCEPTED = "gzip"
"""What to send as `Accept-Encoding`: packings that zlib does not know, and one within another, are refused."""

_PACKED = ("gzip", "x-gzip", "deflate")
_GZIP_OR_ZLIB = 47
"""zlib's name for whichever of the two the data begin with (RFC 9110, 8.4.1)."""


class Unreadable(ValueError):
    """The body is packed in a way that was not asked for, or is damaged."""


class TooLarge(ValueError):
    """The body has more bytes than an answer may have."""


class Body:
    """A body in the making.

    Args:
        headers: of the answer, by their names in any letters.
        largest: bytes that it may have.
        when_large: called once, before it holds more than `LARGE` bytes.

    Raises:
        Unreadable: it is packed in a way that was not asked for.
        TooLarge: its head says that it is too large.
    """

    def __init__(
        self, headers: Mapping[str, str], largest: int = LARGEST, when_large: Callable[[], object] | None = None
    ) -> None:
        packing = headers.get("content-encoding", "").strip().lower()
        if packing not in ("", "identity", *_PACKED):
            raise Unreadable(packing[:40])
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > largest:
            raise TooLarge(length[:40])
        self._unpacker = zlib.decompressobj(_GZIP_OR_ZLIB) if packing in _PACKED else None
        self._largest = largest
        self._when_large = when_large
        self._arrived = 0
        # A mapping of its own, which takes no more than it holds and goes back whole: each thread's heap would keep the
        # largest answer that it ever read.
        self._content = mmap.mmap(-1, largest)

    @property
    def content(self) -> bytes:
        """What has come, unpacked."""
        return self._content[: self._content.tell()]

    def feed(self, part: bytes) -> None:
        """Take what came off the wire.

        Raises:
            Unreadable: it is damaged.
            TooLarge: there is too much of it.
        """
        self._arrived += len(part)
        if self._arrived > self._largest:
            raise self._too_large("packed")
        if self._unpacker is None:
            self._keep(part)
            return
        try:
            self._unpack(part, self._unpacker)
        except zlib.error as error:
            raise Unreadable("damaged") from error

    def _unpack(self, part: bytes, unpacker: "zlib._Decompress") -> None:
        """Unpack it bit by bit, so that never more than one bit is too much; what follows the end does not count."""
        while not unpacker.eof and (found := unpacker.decompress(part, PART)):
            self._keep(found)
            part = unpacker.unconsumed_tail

    def _keep(self, found: bytes) -> None:
        size = self._content.tell() + len(found)
        if size > self._largest:
            raise self._too_large("unpacked")
        if size > LARGE and self._when_large:
            self._when_large()
            self._when_large = None
        self._content.write(found)

    def _too_large(self, how: str) -> TooLarge:
        self._content.close()  # a kept exception keeps this
        return TooLarge(how)
