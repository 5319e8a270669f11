"""Threads by Arctic Shift, in Reddit's orders, over real HTTP."""

from typing import Any

import pytest

from reddit_mcp.errors import NotFound
from reddit_mcp.models import Comment, Thread
from reddit_mcp.upstream.source import Query
from tests.support.arctic_shift import Bench


async def test_a_thread_in_its_order(arctic: Bench) -> None:
    answer = await arctic.reddit.thread("p10", "top")
    assert answer.value.post.id == "p10"
    assert [(each.id, each.depth) for each in answer.value.comments] == [
        ("c2", 0), ("c5", 0), ("c1", 0), ("c3", 1), ("c4", 2),
    ]  # fmt: skip
    assert next(each for each in answer.value.comments if each.id == "c3").is_submitter
    assert (answer.calls, answer.degraded, arctic.spent.count) == (2, None, 1)


@pytest.mark.parametrize(
    ("sort", "first"), [("old", "c1"), ("new", "c5"), ("controversial", "c5"), ("best", "c2"), ("qa", "c1")]
)
async def test_orders_of_comments(arctic: Bench, sort: Any, first: str) -> None:
    assert (await arctic.reddit.thread("p10", sort)).value.comments[0].id == first


async def test_collapsed_comments_are_opened(arctic: Bench) -> None:
    thread = (await arctic.reddit.thread("p10", "top", limit=2)).value
    assert [each.id for each in thread.comments] == ["c2", "c5"]
    (hidden,) = thread.more
    assert (hidden.children, hidden.count) == (("c1",), 3)
    opened = (await arctic.reddit.more("p10", hidden.children, "top")).value
    assert [each.id for each in opened.comments] == ["c1", "c3", "c4"]


async def test_what_arctic_shift_collapsed_stays_collapsed_and_is_opened(arctic: Bench) -> None:
    arctic.fake.tree_most = 3
    thread = (await arctic.reddit.thread("p10", "old")).value
    assert [each.id for each in thread.comments] == ["c1", "c3", "c4"]
    (hidden,) = thread.more
    assert (hidden.children, hidden.parent_id) == (("c2", "c5"), "t3_p10")
    opened = await arctic.reddit.more("p10", hidden.children, "old")
    assert [each.id for each in opened.value.comments] == ["c2", "c5"]
    arctic.fake.tree_most = 2
    (below, _) = (await arctic.reddit.thread("p10", "old")).value.more
    assert (below.parent_id, below.children, below.depth) == ("t1_c3", ("c4",), 2)


async def test_one_branch_of_a_thread(arctic: Bench) -> None:
    branch = (await arctic.reddit.thread("p10", "top", comment_id="c3")).value
    assert [each.id for each in branch.comments] == ["c3", "c4"]
    arctic.fake.tree_most = 1  # the whole tree does not reach it
    branch = (await arctic.reddit.thread("p10", "top", comment_id="c4")).value
    assert [each.id for each in branch.comments] == ["c4"]
    assert (await arctic.reddit.thread("p10", "top", comment_id="zz")).value.comments == ()


async def test_the_comments_above_a_branch(arctic: Bench) -> None:
    query = {"context": "2", "sort": "top"}
    for most in (25_000, 1):
        arctic.fake.tree_most = most
        payload = await _threads(arctic, "c4", query)
        assert [each.id for each in payload] == ["c1", "c3", "c4"]


async def _threads(bench: Bench, focus: str, given: dict[str, str]) -> tuple[Comment, ...]:
    path = f"/comments/p10/_/{focus}"
    query = Query("comments", Thread, "post p10", path, tuple(given.items()))
    return (await bench.source.fetch(query)).value.comments


async def test_a_post_that_is_gone(arctic: Bench) -> None:
    arctic.fake.posts = [each for each in arctic.fake.posts if each["id"] != "p10"]
    with pytest.raises(NotFound, match="post p10"):
        await arctic.reddit.thread("p10", "best")
    assert (await arctic.reddit.info("t3_p10", "post p10")).value.items == ()
