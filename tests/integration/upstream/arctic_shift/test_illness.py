"""How Arctic Shift falls ill, and the contract's answer to each illness, over real HTTP."""

import gzip
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from reddit_mcp.errors import DeadlineExceeded, Failure, RateLimited, Unavailable, UpstreamError
from reddit_mcp.upstream.arctic_shift import Api, ArcticShift
from reddit_mcp.upstream.client import Reddit
from tests.support import scripted_reddit
from tests.support.arctic_shift import Bench, bench, furnish
from tests.support.fake_arctic_shift import FakeArcticShift, Reply, comment
from tests.support.fake_arctic_shift.server import BUSY, TIMED_OUT
from tests.support.fake_arctic_shift.things import NOW
from tests.support.redis_store import free_port
from tests.support.scripted_reddit import ScriptedReddit


async def failure(bench: Bench) -> Failure:
    with pytest.raises(Failure) as caught:
        await bench.reddit.posts("kettles", "new", "day", 5)
    return caught.value


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, b"<html>"),
        Reply(503, b""),
        Reply(403, b"no"),
        Reply(404, {"error": "no"}),
        Reply(302, b"", {"location": "https://elsewhere.example/"}),
        Reply(200, b"<html>Just a moment</html>"),
        Reply(200, b""),
        Reply(200, b'{"data": ['),
        Reply(200, b"[" * 100_000),
        Reply(200, b'{"data": ' + b"9" * 10_000 + b"}"),
        Reply(200, b"\xff\xfe"),
        Reply(200, {"data": {"id": "x"}}),
        Reply(200, {"data": None}),
        Reply(200, {"data": None, "error": "A new sort of trouble"}),
        Reply(200, ["x"]),
        Reply(200, b"not gzip", {"content-encoding": "gzip"}),
        Reply(200, gzip.compress(b'{"data": []}')[:-4], {"content-encoding": "gzip"}),
        Reply(200, b"x", {"content-encoding": "br"}),
    ],
)
async def test_what_is_no_answer_is_an_upstream_error(empty: Bench, reply: Reply) -> None:
    empty.fake.replies.append(reply)
    found = await failure(empty)
    assert isinstance(found, UpstreamError)
    assert (found.data["upstream_service"], found.calls) == ("arctic_shift", 1)
    assert "trouble" not in str(found) or "HTTP" in str(found)  # its own words are not shown
    assert len(empty.fake.asked) == 1


@pytest.mark.parametrize(
    "rows",
    [[None, 1, "x", [], {}], [{"id": {}, "created_utc": []}], [{"id": "x", "created_utc": 1e30, "author": {"a": 1}}]],
)
async def test_rows_of_another_shape_are_left_out(arctic: Bench, rows: list[Any]) -> None:
    arctic.fake.replies.append(Reply(200, {"data": rows}))
    assert (await arctic.reddit.posts("kettles", "new", "day", 5)).value.items == ()


@pytest.mark.parametrize("packed", [True, False])
async def test_an_answer_that_is_too_large(packed: bool) -> None:
    async with bench(most_bytes=100_000) as ill:
        body = b'{"data": [' + b" " * 200_000 + b"]}"
        sent = Reply(200, gzip.compress(body), {"content-encoding": "gzip"}) if packed else Reply(200, body)
        ill.fake.replies.append(sent)
        assert isinstance(await failure(ill), UpstreamError)


async def test_a_packed_answer_is_read(empty: Bench) -> None:
    empty.fake.replies.append(Reply(200, gzip.compress(b'{"data": []}'), {"content-encoding": "gzip"}))
    assert (await empty.reddit.info("t3_a", "post a")).value.items == ()


async def test_no_answer_in_time() -> None:
    async with bench(seconds=0.2) as ill:
        ill.fake.replies.append(Reply(hang=True))
        found = await failure(ill)
        assert isinstance(found, DeadlineExceeded)
        assert found.data["timeout"] == 0.2


async def test_nobody_there() -> None:
    api = Api(f"http://127.0.0.1:{free_port()}", "test")
    with pytest.raises(UpstreamError, match="cannot be reached") as caught:
        await Reddit(ArcticShift(api)).posts("kettles", "new", "day")
    assert caught.value.calls == 1
    assert not await api.alive()
    await api.aclose()


async def test_its_limit(arctic: Bench) -> None:
    arctic.fake.remaining = 1
    await arctic.reddit.posts("kettles", "new", "day", 5)
    assert arctic.api.budget.remaining == 0
    found = await failure(arctic)  # known to be spent: nothing is sent
    assert isinstance(found, RateLimited)
    assert 25 <= found.data["retry_after_seconds"] <= 30
    assert (found.calls, len(arctic.fake.asked)) == (0, 1)


async def test_a_429_without_a_word_before(empty: Bench) -> None:
    empty.fake.replies.append(Reply(429, b"", {"retry-after": "7"}))
    found = await failure(empty)
    assert isinstance(found, RateLimited)
    assert found.data["retry_after_seconds"] == 7


@pytest.mark.parametrize("reply", [Reply(422, TIMED_OUT), Reply(200, TIMED_OUT), Reply(422, BUSY)])
async def test_a_question_that_timed_out_is_asked_once_more_for_less(arctic: Bench, reply: Reply) -> None:
    arctic.fake.replies.append(reply)
    answer = await arctic.reddit.posts("kettles", "new", "day", 100)
    wide, narrow = arctic.fake.asked
    assert "after" not in wide.params
    assert int(narrow.params["after"]) > NOW - 31 * 24 * 3600
    assert len(answer.value.items) == 20
    assert (answer.calls, arctic.spent.count) == (2, 1)
    assert answer.limits
    arctic.fake.replies += [reply, reply]
    found = await failure(arctic)
    assert isinstance(found, UpstreamError)
    assert found.calls == 2


async def test_a_search_that_timed_out_is_not_refused_for_good(arctic: Bench) -> None:
    arctic.fake.replies += [Reply(422, TIMED_OUT)] * 2
    with pytest.raises(UpstreamError):
        await arctic.reddit.search("blue", "kettles", "new", "all")
    assert len(arctic.fake.asked) == 2


async def test_other_questions_are_repeated_once(arctic: Bench) -> None:
    arctic.fake.replies.append(Reply(422, BUSY))
    assert (await arctic.reddit.subreddit("kettles")).calls == 2
    arctic.fake.replies += [Reply(422, BUSY)] * 2
    with pytest.raises(UpstreamError):
        await arctic.reddit.subreddit("kettles")


async def test_a_400_is_not_offered(empty: Bench) -> None:
    empty.fake.replies.append(Reply(400, {"error": "not supported <script>"}))
    found = await failure(empty)
    assert isinstance(found, Unavailable)
    assert found.data["reason"] == "not_offered_by_source"
    assert "script" not in str(found)


async def test_an_outage_and_its_end() -> None:
    fake = FakeArcticShift()
    furnish(fake)
    async with fake.running() as url:
        api = Api(url, "test")
        assert await api.alive()
        fake.replies.append(Reply(500))
        assert not await api.alive()
        assert await api.alive()
        await api.aclose()


async def test_comments_of_other_shapes(arctic: Bench) -> None:
    post = Reply(200, {"data": [arctic.fake.posts[10]]})
    nested: Any = ""
    for number in range(100):
        nested = {"data": {"children": [{"kind": "t1", "data": {"id": f"d{number}", "replies": nested}}]}}
    odd = [1, None, {}, {"kind": "t1"}, {"kind": "t1", "data": {"id": None}}, {"kind": "more", "data": {"children": 3}}]
    arctic.fake.replies += [post, Reply(200, {"data": [*odd, {"kind": "t1", "data": {"id": "d", "replies": nested}}]})]
    found = (await arctic.reddit.thread("p10", "top", limit=1000)).value
    assert [each.id for each in found.comments] == ["d", *(f"d{number}" for number in range(99, 90, -1))]
    assert [(each.parent_id, each.children) for each in found.more] == [("t1_d91", ())]


async def test_comments_that_hang_below_each_other(arctic: Bench) -> None:
    arctic.fake.comments += [comment("r1", "p10", "r2"), comment("r2", "p10", "r1"), comment("r3", "p10", "r3")]
    rows = [{"kind": "t1", "data": each} for each in arctic.fake.comments]
    for ask in ("thread", "focus", "more"):
        arctic.fake.replies += [Reply(200, {"data": [arctic.fake.posts[10]]})] if ask != "more" else []
        arctic.fake.replies.append(Reply(200, {"data": rows}))
        if ask == "more":
            found = (await arctic.reddit.more("p10", ["r1", "r2", "r3"])).value.comments
        else:
            found = (await arctic.reddit.thread("p10", "top", comment_id="r1" if ask == "focus" else "")).value.comments
        assert "r1" in [each.id for each in found]


def drip(closing: threading.Event) -> Iterator[bytes]:
    """A body that never ends, a byte at a time."""
    yield b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
    while not closing.wait(0.02):
        yield b" "


def cut_off(_: threading.Event) -> Iterator[bytes]:
    """A connection that ends in the middle."""
    yield b'HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{"data": ['


def not_http(_: threading.Event) -> Iterator[bytes]:
    """Something else that listens there."""
    yield b"SSH-2.0-other\r\n"


@pytest.mark.parametrize(
    ("raw", "kind"), [(drip, DeadlineExceeded), (cut_off, UpstreamError), (not_http, UpstreamError)]
)
async def test_a_connection_that_ends_badly(reddit: ScriptedReddit, raw: Any, kind: type[Failure]) -> None:
    reddit.answer = lambda _: scripted_reddit.Reply(raw=raw)
    api = Api(reddit.url, "test", 0.3)
    with pytest.raises(kind):
        await Reddit(ArcticShift(api)).posts("kettles", "new", "day")
    await api.aclose()
