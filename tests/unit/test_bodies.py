"""A body counted while it is read: what fits comes out as it was, what does not is never held."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.bounded_body import LARGE, PART, Body, TooLarge, Unreadable
from tests.support.large_answers import bomb, within

LIMIT = 1000


def read(content: bytes, headers: dict[str, str], size: int = 7, largest: int = LIMIT) -> bytes:
    body = Body(headers, largest)
    for start in range(0, len(content), size):
        body.feed(content[start : start + size])
    return body.content


@given(st.binary(max_size=LIMIT), st.integers(1, 300), st.sampled_from(["", "identity", "gzip", "X-GZIP", " deflate "]))
def test_what_fits_comes_out_as_it_was(content: bytes, size: int, packing: str) -> None:
    kind = packing.strip().lower().removeprefix("x-")
    sent = gzip.compress(content) if kind == "gzip" else zlib.compress(content) if kind == "deflate" else content
    assert read(sent, {"content-encoding": packing}, size, largest=2 * LIMIT) == content


PLAIN, GZIP = {"content-encoding": ""}, {"content-encoding": "gzip"}


@pytest.mark.parametrize("headers", [PLAIN, GZIP])
def test_the_largest_size_is_the_last_that_fits(headers: dict[str, str]) -> None:
    pack = gzip.compress if headers == GZIP else bytes
    assert read(pack(b"x" * LIMIT), headers) == b"x" * LIMIT
    for size in (LIMIT + 1, 5_000_000):
        with pytest.raises(TooLarge):
            read(pack(b"x" * size), headers)


@pytest.mark.parametrize("headers", [PLAIN, GZIP])
def test_a_large_one_says_so_once_before_it_is_held(headers: dict[str, str]) -> None:
    pack = gzip.compress if headers == GZIP else bytes
    told: list[int] = []
    body = Body(headers, when_large=lambda: told.append(len(body.content)))
    body.feed(pack(b"x" * (LARGE - PART)))
    assert told == []
    second = Body(headers, when_large=lambda: told.append(len(second.content)))
    second.feed(pack(b"x" * LARGE + b"y"))
    assert len(second.content) == LARGE + 1
    assert len(told) == 1
    assert told[0] <= LARGE


@pytest.mark.parametrize("length", ["1001", "9" * 5000])
def test_a_length_that_is_too_large_is_believed(length: str) -> None:
    with pytest.raises(TooLarge):
        Body({"content-length": length}, LIMIT)


@pytest.mark.parametrize("length", ["1000", "-5", "x", "", "12, 12"])
def test_other_lengths_are_for_http_to_judge(length: str) -> None:
    assert read(b"[]", {"content-length": length}) == b"[]"


@pytest.mark.parametrize("packing", ["br", "zstd", "gzip, gzip", "gzip,br", "compress", "\x00", "gzip;q=1"])
def test_packings_that_were_not_asked_for(packing: str) -> None:
    with pytest.raises(Unreadable):
        Body({"content-encoding": packing})


@pytest.mark.parametrize(
    "content", [b"no gzip at all", gzip.compress(b"x" * 500)[:10] + b"\xff" * 50], ids=["none", "cut"]
)
def test_damage(content: bytes) -> None:
    with pytest.raises(Unreadable):
        read(content, {"content-encoding": "gzip"})


def test_what_is_packed_is_counted_too() -> None:
    packer = zlib.compressobj(0, zlib.DEFLATED, 31)
    empty = packer.flush(zlib.Z_FULL_FLUSH)
    nothing = b"\x00\x00\x00\xff\xff"  # an empty stored block: RFC 1951, 3.2.4
    with pytest.raises(TooLarge):
        read(empty + nothing * LIMIT, GZIP)
    assert read(empty + nothing * 100, GZIP) == b""


def test_what_follows_the_end_of_the_packed_data_is_not_kept() -> None:
    assert read(gzip.compress(b"[]") + b"x" * 500, {"content-encoding": "gzip"}) == b"[]"


@pytest.mark.parametrize("wbits", [31, 15], ids=["gzip", "deflate"])
def test_a_bomb_is_not_held(wbits: int) -> None:
    content = bomb(4, wbits)
    with within(), pytest.raises(TooLarge):
        read(content, {"content-encoding": "gzip"}, PART, largest=16_777_216)
