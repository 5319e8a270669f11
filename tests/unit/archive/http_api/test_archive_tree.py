"""Which comments are shown, and the `more` nodes that stand for the rest."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reddit_mcp.archive.archive_store import Node
from reddit_mcp.archive.http_api.comment_tree import Branch, Collapsed, Part, Tree, flat


def node(number: int, parent: int | None = None, **fields: Any) -> Node:
    known = {
        "created": number,
        "score": 1,
        "downs": 0,
        "controversial": False,
        "stickied": False,
        "by_submitter": False,
    }
    return Node(id=number, parent=parent, **{**known, **fields})


def shape(parts: Iterable[Part]) -> list[Any]:
    """Comments as their id, or (id, replies); collapsed ones as a set, "continue this thread" as None."""
    shapes: list[Any] = []
    for part in parts:
        if isinstance(part, Collapsed):
            shapes.append(set(part.children) or None)
        else:
            shapes.append((part.node.id, shape(part.replies)) if part.replies else part.node.id)
    return shapes


def test_replies_stand_below_their_parents() -> None:
    tree = Tree([node(1), node(2, 1), node(3, 2), node(4)], "old")
    assert shape(tree.top(10, 10)) == [(1, [(2, [3])]), 4]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("confidence", [3, 1, 2, 4]),
        ("best", [3, 1, 2, 4]),
        ("top", [3, 1, 2, 4]),
        ("new", [4, 3, 2, 1]),
        ("old", [1, 2, 3, 4]),
        ("controversial", [2, 1, 3, 4]),
        ("nonsense", [3, 1, 2, 4]),
    ],
)
def test_sorts(sort: str, order: list[int]) -> None:
    nodes = [node(1, score=5), node(2, score=2, controversial=True), node(3, score=9), node(4, score=-50)]
    shown = shape(Tree(nodes, sort).top(10, 10))
    assert shown == order if sort != "controversial" else shown[0] == 2


def test_best_is_not_top_where_down_votes_are_known() -> None:
    nodes = [node(1, score=100, downs=900), node(2, score=50)]
    assert shape(Tree(nodes, "best").top(10, 10)) == [2, 1]
    assert shape(Tree(nodes, "top").top(10, 10)) == [1, 2]


def test_qa_prefers_what_the_submitter_answered() -> None:
    nodes = [node(1, score=9), node(2, score=3), node(3, 2, score=5, by_submitter=True), node(4, 1, score=50)]
    assert [part[0] for part in shape(Tree(nodes, "qa").top(10, 10))] == [2, 1]


def test_random_is_an_order_that_stays() -> None:
    nodes = [node(number) for number in range(1, 30)]
    first = shape(Tree(nodes, "random").top(50, 10))
    assert first == shape(Tree(reversed(nodes), "random").top(50, 10))
    assert first not in (sorted(first), sorted(first, reverse=True))


def test_stickied_comments_lead() -> None:
    assert shape(Tree([node(1, score=99), node(2, score=-4, stickied=True)], "top").top(10, 10)) == [2, 1]


def test_the_best_are_shown_and_their_brothers_collapsed_with_all_their_replies() -> None:
    nodes = [node(1, score=9), node(2, score=5), node(3, 2), node(4, 3), node(5, score=1)]
    tree = Tree(nodes, "top")
    parts = tree.top(1, 10)
    assert shape(parts) == [1, {2, 5}]
    assert parts[1] == Collapsed(None, 0, (2, 5), 4)


def test_a_good_reply_comes_before_a_worse_comment() -> None:
    nodes = [node(1, score=9), node(2, 1, score=8), node(3, score=5)]
    assert shape(Tree(nodes, "top").top(2, 10)) == [(1, [2]), {3}]


def test_below_the_deepest_level_the_thread_continues_elsewhere() -> None:
    nodes = [node(1)] + [node(number, number - 1) for number in range(2, 15)]
    parts = list(flat(Tree(nodes, "top").top(100, 10)))
    assert [part.depth for part in parts] == list(range(11))
    assert parts[-1] == Collapsed(10, 10)


def test_a_comment_whose_parent_is_missing_stands_at_the_top() -> None:
    tree = Tree([node(5, 3), node(6, 5)], "old")
    parts = tree.top(10, 10)
    assert shape(parts) == [(5, [6])]
    assert isinstance(parts[0], Branch)
    assert parts[0].parent is None


def test_focus_shows_a_branch_below_its_context() -> None:
    nodes = [node(1), node(2, 1), node(3, 2), node(4, 3), node(5, 2), node(6)]
    tree = Tree(nodes, "old")
    assert shape(tree.focus(3, 0, 10, 10)) == [(3, [4])]
    assert shape(tree.focus(3, 1, 10, 10)) == [(2, [(3, [4])])]
    focused = tree.focus(3, 8, 10, 10)
    assert shape(focused) == [(1, [(2, [(3, [4])])])]
    assert [part.depth for part in flat(focused)] == [0, 1, 2, 3]
    assert tree.focus(99, 0, 10, 10) == ()


def test_more_shows_collapsed_comments_at_their_depth() -> None:
    nodes = [node(1), node(2, 1), node(3, 1), node(4, 3)]
    parts = list(flat(Tree(nodes, "old").more([3, 2, 77], 100, 10)))
    assert shape(parts) == [2, (3, [4]), 4]
    assert [part.depth for part in parts] == [1, 1, 2]
    assert [part.parent for part in parts] == [1, 1, 3]


def test_more_leaves_the_rest_collapsed_family_by_family() -> None:
    nodes = [node(1), node(2), node(3, 1), node(4, 1), node(5, 2), node(6, 2)]
    parts = Tree(nodes, "old").more([3, 4, 5, 6], 1, 10)
    assert parts[1:] == (Collapsed(1, 1, (4,), 1), Collapsed(2, 1, (5, 6), 2))


def test_more_of_a_comment_and_its_reply_shows_each_once() -> None:
    parts = Tree([node(1), node(2, 1)], "old").more([1, 2], 100, 10)
    assert shape(parts) == [(1, [2])]


@st.composite
def threads(draw: st.DrawFn) -> list[Node]:
    nodes = []
    for number in range(1, draw(st.integers(1, 60)) + 1):
        parent = draw(st.none() | st.integers(1, number - 1)) if number > 1 else None
        nodes.append(node(number, parent, score=draw(st.integers(-5, 50))))
    return nodes


@settings(max_examples=100, deadline=None)
@given(threads(), st.integers(1, 20), st.integers(1, 4), st.sampled_from(["best", "new", "old", "qa", "controversial"]))
def test_opening_every_more_shows_every_comment_once(nodes: list[Node], limit: int, depth: int, sort: str) -> None:
    tree = Tree(nodes, sort)
    seen: list[int] = []
    waiting = list(flat(tree.top(limit, depth)))
    assert sum(isinstance(part, Branch) for part in waiting) <= limit
    while waiting:
        part = waiting.pop()
        if isinstance(part, Branch):
            seen.append(part.node.id)
        elif part.children:
            waiting += flat(tree.more(part.children, limit, depth))
        else:
            waiting += list(flat(tree.focus(part.parent or 0, 0, limit + 1, depth + 1)))[1:]
    assert sorted(seen) == [each.id for each in nodes]


@given(threads(), st.integers(1, 10))
def test_counts_add_up(nodes: list[Node], limit: int) -> None:
    parts = list(flat(Tree(nodes, "top").top(limit, 100)))
    hidden = sum(part.count for part in parts if isinstance(part, Collapsed))
    assert hidden + sum(isinstance(part, Branch) for part in parts) == len(nodes)
