"""Threads that grow: joining, ordering, opening what hides the most, pruning."""

from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.models import Comment, More
from reddit_mcp.tools.results.comment_expansion import CommentForest, expand


def comment(identity: str, parent: str = "t3_x", body: str = "") -> Comment:
    return Comment(id=identity, parent_id=parent, body=body)


def shape(forest: CommentForest) -> list[tuple[str, int]]:
    return [(item.id, item.depth) for item in forest.comments]


def test_replies_stand_behind_their_parents() -> None:
    forest = CommentForest()
    forest.add([comment("a"), comment("d"), comment("b", "t1_a"), comment("e", "t1_d"), comment("c", "t1_b")], [])
    assert shape(forest) == [("a", 0), ("b", 1), ("c", 2), ("d", 0), ("e", 1)]


def test_later_comments_join_their_parents() -> None:
    forest = CommentForest()
    forest.add([comment("a"), comment("z")], [])
    forest.add([comment("c", "t1_b"), comment("b", "t1_a")], [])
    assert shape(forest) == [("a", 0), ("b", 1), ("c", 2), ("z", 0)]


def test_a_comment_whose_parent_is_not_here_stands_at_the_top() -> None:
    forest = CommentForest()
    forest.add([Comment(id="b", parent_id="t1_gone", depth=7), comment("c", "t1_b")], [])
    assert shape(forest) == [("b", 0), ("c", 1)]


def test_what_is_here_already_stays_as_it_is() -> None:
    forest = CommentForest()
    forest.add([comment("a", body="first")], [])
    forest.add([comment("a", body="second"), comment("b", "t1_a")], [])
    assert shape(forest) == [("a", 0), ("b", 1)]
    assert forest.comments[0].body == "first"


def test_doubles_in_one_answer_do_not_multiply() -> None:
    forest = CommentForest()
    forest.add([comment(f"k{level}", f"t1_k{level - 1}") for level in range(200) for _ in range(2)], [])
    assert shape(forest) == [(f"k{level}", level) for level in range(200)]


def test_the_largest_hidden_part_is_opened_first() -> None:
    nodes = [More(parent_id="t3_x", count=count, children=(str(count),)) for count in (3, 50, 7)]
    forest = CommentForest()
    forest.add([], nodes)
    assert forest.hidden == 60
    assert [forest.largest(), forest.largest(), forest.largest(), forest.largest()] == [
        nodes[1],
        nodes[2],
        nodes[0],
        None,
    ]
    assert forest.hidden == 0


async def test_expanding_spends_its_budget_and_no_more() -> None:
    opened: list[int] = []
    forest = CommentForest()
    forest.add([], [More(parent_id="t3_x", count=count) for count in (1, 9, 5)])

    async def fetch(node: More) -> None:
        opened.append(node.count)
        if node.count == 9:
            forest.add([comment("a")], [More(parent_id="t1_a", count=7)])

    await expand(forest, 3, fetch)
    assert opened == [9, 7, 5]
    assert forest.hidden == 1


async def test_expanding_ends_when_nothing_is_hidden() -> None:
    opened: list[More] = []

    async def fetch(node: More) -> None:
        opened.append(node)

    forest = CommentForest()
    await expand(forest, 5, fetch)
    forest.add([], [More(parent_id="t3_x", count=2)])
    await expand(forest, 5, fetch)
    await expand(forest, 0, fetch)
    assert len(opened) == 1


def test_pruning_by_depth_and_number() -> None:
    forest = CommentForest()
    forest.add([comment("a"), comment("b", "t1_a"), comment("c", "t1_b"), comment("d"), comment("e")], [])
    assert forest.prune(2, 3) == 2
    assert shape(forest) == [("a", 0), ("b", 1), ("d", 0)]


def test_pruning_without_a_depth_keeps_what_json_readers_can_read() -> None:
    forest = CommentForest()
    forest.add([comment(f"k{level}", f"t1_k{level - 1}") for level in range(150)], [])
    assert forest.prune(0, 1000) == 50
    assert forest.comments[-1].depth == 99


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40), st.integers(0, 5), st.integers(1, 40))
def test_any_tree_has_parents_before_replies(edges: list[tuple[int, int]], max_depth: int, limit: int) -> None:
    forest = CommentForest()
    forest.add([comment(str(one), f"t1_{other}" if other < one else "t3_x") for one, other in edges], [])
    total = len({one for one, _ in edges})
    assert len(forest.comments) == total
    left_out = forest.prune(max_depth, limit)
    assert left_out + len(forest.comments) == total
    depths: dict[str, int] = {}
    for item in forest.comments:
        assert item.depth == depths.get(item.parent_id, -1) + 1
        depths[f"t1_{item.id}"] = item.depth


def test_collapsed_comments_that_came_another_way_are_not_counted() -> None:
    forest = CommentForest()
    forest.add([comment("a"), comment("b", "t1_a")], [More(parent_id="t1_a", count=5, children=("b", "c"))])
    assert forest.hidden == 4
    forest.add([comment("d", "t1_b"), comment("c", "t1_a")], [])
    assert forest.hidden == 2
    forest.add([], [More(parent_id="t1_a", count=5, children=("b", "c"))])
    assert forest.hidden == 2


def test_pruned_comments_are_counted_once() -> None:
    forest = CommentForest()
    forest.add([comment("a"), comment("b")], [More(parent_id="t3_x", count=3, children=("b", "c"))])
    assert (forest.prune(0, 1), forest.hidden) == (1, 2)
