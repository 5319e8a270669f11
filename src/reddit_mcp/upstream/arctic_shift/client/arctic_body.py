"""Reading an answer's body with a limit on its size, packed and unpacked: a kilobyte can unpack to a megabyte."""

import zlib

import httpx

MOST_BYTES = 16_000_000
ENCODINGS = "gzip, deflate"


class Unreadable(ValueError):
    """The body is too large, or packed in a way that nobody asked for, or damaged."""


async def read(response: httpx.Response, most: int = MOST_BYTES) -> bytes:
    """The unpacked body.

    Raises:
        Unreadable: see there.
        httpx.HTTPError: the connection failed on the way.
    """
    unpack = _unpacker(response.headers.get("content-encoding", ""))
    packed, body = 0, bytearray()
    async for chunk in response.aiter_raw():
        packed += len(chunk)
        try:
            body += unpack.decompress(chunk, most - len(body) + 1) if unpack else chunk
        except zlib.error as error:
            raise Unreadable("damaged") from error
        if packed > most or len(body) > most:
            raise Unreadable("too large")
    if unpack and not unpack.eof:
        raise Unreadable("cut short")
    return bytes(body)


def _unpacker(encoding: str) -> "zlib._Decompress | None":
    if encoding in ("", "identity"):
        return None
    if encoding not in ("gzip", "deflate"):
        raise Unreadable("packed unasked")
    return zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, whichever its first bytes say
