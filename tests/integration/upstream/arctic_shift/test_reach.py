"""What Arctic Shift is asked beyond Reddit's API, over real HTTP."""

import random

import pytest

from reddit_mcp.errors import Unavailable, UpstreamError
from reddit_mcp.upstream.arctic_shift import Span, Stretch
from tests.support.arctic_shift import HOUR, Bench
from tests.support.fake_arctic_shift import Reply, comment, post
from tests.support.fake_arctic_shift.server import BUSY
from tests.support.fake_arctic_shift.things import DAY, NOW


async def test_comments_are_found_by_words(arctic: Bench) -> None:
    answer = await arctic.reach.comments("body c2", "kettles")
    assert [each.id for each in answer.value.items] == ["c2"]
    assert (answer.calls, arctic.spent.count) == (2, 2)  # each takes a token
    assert [each.id for each in (await arctic.reach.comments("author:anna body")).value.items] == ["c3"]
    assert len((await arctic.reach.comments("body", link="p10")).value.items) == 5
    with pytest.raises(Unavailable, match="only within a community"):
        await arctic.reach.comments("body")


async def test_comments_in_a_range_of_time_and_paged(arctic: Bench) -> None:
    recent = await arctic.reach.comments("body", "kettles", span=Span(NOW - 8 * DAY, NOW - 7 * DAY + 1))
    assert [each.id for each in recent.value.items] == ["c5", "c4"]
    first = await arctic.reach.comments("body", "kettles", limit=3)
    rest = await arctic.reach.comments("body", "kettles", limit=3, after=first.value.after or "")
    found = [each.id for each in (*first.value.items, *rest.value.items)]
    assert sorted(found) == ["c1", "c2", "c3", "c4", "c5"]
    assert rest.value.after is None


async def test_communities_by_prefix(arctic: Bench) -> None:
    found = await arctic.reach.communities("kett")
    assert [each["data"]["display_name"] for each in found] == ["kettles", "kettlebells", "ketteringadult"]


async def test_activity(arctic: Bench) -> None:
    assert await arctic.reach.activity("anna") == [("kettles", 21), ("pots", 20)]
    assert await arctic.reach.activity("anna", Span(NOW - 13 * HOUR)) == [("kettles", 1)]
    arctic.fake.replies.append(Reply(422, BUSY))
    assert (await arctic.reach.activity("anna"))[0] == ("kettles", 21)
    assert "after" in arctic.fake.asked[-1].params
    arctic.fake.replies += [Reply(422, BUSY)] * 2
    with pytest.raises(UpstreamError):
        await arctic.reach.activity("anna")


async def test_share_links(empty: Bench) -> None:
    empty.fake.links["/r/kettles/s/AbC"] = "/r/kettles/comments/p10/x/"
    assert await empty.reach.resolve(["/r/kettles/s/AbC", "/r/kettles/s/abc"]) == {
        "/r/kettles/s/AbC": "/r/kettles/comments/p10/x/"
    }
    assert await empty.reach.resolve([]) == {}
    empty.fake.replies.append(Reply(200, {"data": [{"resolved_path": "https://elsewhere.example/"}, {}]}))
    assert await empty.reach.resolve(["/r/kettles/s/AbC"]) == {}


async def test_it_is_alive(empty: Bench) -> None:
    assert await empty.reach.alive()
    empty.fake.replies.append(Reply(429))
    assert await empty.reach.alive()


def crowd() -> list[int]:
    """Ages of 700 things: alone, a few, and more than a page in one second."""
    dice = random.Random(3)
    return [dice.randrange(400) for _ in range(550)] + [500] * 150


@pytest.mark.parametrize("inclusive", [False, True])
async def test_a_walk_gives_everything_once_and_in_order(empty: Bench, inclusive: bool) -> None:
    empty.fake.inclusive = inclusive
    empty.fake.posts += [post(f"n{number}", age) for number, age in enumerate(crowd())]
    empty.fake.posts.append(post("late", -50))
    found = [item async for stretch in empty.reach.walk("t3", "kettles", Span(0, NOW + 1)) for item in stretch.items]
    assert sorted(item.data["id"] for item in found) == sorted(f"n{number}" for number in range(700))
    assert [item.created for item in found] == sorted(item.created for item in found)
    assert empty.spent.count == len(empty.fake.asked) < 20


async def test_a_walk_goes_on_where_it_was_stopped(empty: Bench) -> None:
    empty.fake.comments += [comment(f"n{number}", "p", age=age) for number, age in enumerate(crowd())]
    found: list[str] = []
    span, seen = Span(0, NOW + 1), frozenset[str]()
    for _ in range(50):
        stretch = await _one(empty, span, seen)
        if stretch is None:
            break
        found += [item.data["id"] for item in stretch.items]
        span, seen = Span(stretch.second, NOW + 1), stretch.seen
    assert sorted(found) == sorted(f"n{number}" for number in range(700))


async def _one(bench: Bench, span: Span, seen: frozenset[str]) -> Stretch | None:
    async for stretch in bench.reach.walk("t1", "kettles", span, seen):
        return stretch
    return None


async def test_a_walk_asks_for_fewer_once_and_then_fails(arctic: Bench) -> None:
    arctic.fake.replies.append(Reply(422, BUSY))
    found = [item async for stretch in arctic.reach.walk("t3", "kettles", Span(0, NOW)) for item in stretch.items]
    assert len(found) == 20
    assert [each.params["limit"] for each in arctic.fake.asked[:2]] == ["100", "25"]
    arctic.fake.replies += [Reply(422, BUSY)] * 2
    with pytest.raises(UpstreamError):
        [each async for each in arctic.reach.walk("t3", "kettles", Span(0, NOW))]


async def test_a_walk_over_a_server_that_does_not_keep_to_the_time_ends(empty: Bench) -> None:
    rows = [post(f"n{number}", 10_000) for number in range(100)]
    empty.fake.replies += [Reply(200, {"data": rows})] * 4
    with pytest.raises(UpstreamError):
        [each async for each in empty.reach.walk("t3", "kettles", Span(NOW - 100, NOW))]
