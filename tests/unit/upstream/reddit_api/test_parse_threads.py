"""Threads and opened branches into comments, whatever they look like."""

from typing import Any

import pytest

from reddit_mcp.models import Branches, Thread
from reddit_mcp.tools.results.comment_expansion import CommentForest
from reddit_mcp.tools.results.compact_view import comments, nest
from reddit_mcp.upstream.reddit_api.parsing import UnexpectedShape, parse
from tests.support.reddit_shapes import listing, more, t1, t3, thread


@pytest.mark.parametrize(
    "payload", [[], [listing(t3())], [listing(), listing()], [listing(t1()), listing()], listing(), None]
)
def test_a_thread_needs_its_post(payload: Any) -> None:
    with pytest.raises(UnexpectedShape):
        parse(Thread, payload)


def test_tree_in_reading_order() -> None:
    payload = thread(
        t1("a", replies=listing(t1("b", "t1_a", replies=listing(t1("c", "t1_b"))), more("t1_a", ("x", "y"), 2))),
        t1("d", replies=None),
        t1("e", replies=[]),
        more("t3_1abc2d", ("z",), 9),
    )
    tree = parse(Thread, payload)
    assert [(item.id, item.depth) for item in tree.comments] == [("a", 0), ("b", 1), ("c", 2), ("d", 0), ("e", 0)]
    assert [(node.parent_id, node.children, node.count, node.depth) for node in tree.more] == [
        ("t1_a", ("x", "y"), 2, 1),
        ("t3_1abc2d", ("z",), 9, 0),
    ]


def test_old_more_nodes_count_nothing_but_name_children() -> None:
    (node,) = parse(Thread, thread(more("t3_1abc2d", ("a", "b", "c"), 0))).more
    assert (node.count, node.children) == (3, ("a", "b", "c"))


def test_continue_this_thread_has_no_children() -> None:
    (node,) = parse(Thread, thread(t1("a", replies=listing(more("t1_a"))))).more
    assert (node.parent_id, node.children, node.count) == ("t1_a", (), 0)


def test_more_node_with_odd_children() -> None:
    odd = {"kind": "more", "data": {"children": ["a", None, 5, ""], "count": "7"}}
    (node,) = parse(Thread, thread(odd)).more
    assert (node.children, node.count, node.parent_id) == (("a",), 7, "")


def test_branches_are_flat() -> None:
    things_ = [t1("a", "t3_1abc2d"), t1("b", "t1_a"), more("t1_b", ("c",), 1)]
    found = parse(Branches, {"json": {"errors": [], "data": {"things": things_}}})
    assert [item.id for item in found.comments] == ["a", "b"]
    assert [node.children for node in found.more] == [("c",)]


@pytest.mark.parametrize("payload", [{"json": {"data": {"things": []}}}, {"json": {"data": {}}}])
def test_no_branches(payload: Any) -> None:
    assert parse(Branches, payload) == Branches()


def test_two_thousand_levels() -> None:
    deepest: Any = ""
    for level in reversed(range(2000)):
        deepest = listing(t1(f"k{level}", f"t1_k{level - 1}", replies=deepest))
    tree = parse(Thread, [listing(t3()), deepest])
    assert [item.depth for item in tree.comments] == list(range(2000))
    forest = CommentForest()
    forest.add(tree.comments, tree.more)
    assert len(forest.comments) == 2000


def test_a_large_thread_is_parsed_and_nested_once() -> None:
    branches = [
        t1(f"a{top}", replies=listing(*(t1(f"a{top}b{reply}", f"t1_a{top}") for reply in range(13))))
        for top in range(100)
    ]
    tree = parse(Thread, thread(*branches))
    forest = CommentForest()
    forest.add(tree.comments, tree.more)
    roots = nest(forest.comments, comments(forest.comments, "full"))
    assert len(tree.comments) == 1400
    assert [len(root["replies"]) for root in roots] == [13] * 100
