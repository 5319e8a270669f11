"""Answers that would be too large: the largest branches give way first."""

from itertools import pairwise
from typing import Any

from reddit_mcp.models import Comment
from reddit_mcp.tools.results.answer_size import MOST_BYTES, bounded, branches_within, size


def tree(*branches: int) -> list[Comment]:
    """Branches of so many comments: a top with replies, each of which has one reply."""
    return [
        Comment(id=f"{number}x{at}", depth=min(at, 1) + (at > 1 and at % 2 == 0))
        for number, count in enumerate(branches)
        for at in range(count)
    ]


def kept(items: list[Comment], budget: int) -> list[str]:
    return [items[at].id for at in branches_within(items, [10] * len(items), budget)]


def test_what_fits_stays_whole() -> None:
    items = tree(3, 1)
    assert kept(items, 40) == ["0x0", "0x1", "0x2", "1x0"]


def test_the_largest_branch_is_cut_and_the_small_ones_stay() -> None:
    found = kept(tree(2, 9, 1), 80)
    assert [found.count(each.id) for each in tree(2, 9, 1) if each.id[0] in "02"] == [1, 1, 1]
    assert sum(each.startswith("1x") for each in found) == 5


def test_parents_stay_with_their_replies() -> None:
    items = tree(40, 25)
    found = set(kept(items, 300))
    depths = [item.depth for item in items if item.id in found]
    assert depths[0] == 0
    assert all(later <= earlier + 1 for earlier, later in pairwise(depths))
    assert len(found) <= 30


def test_too_many_tops_lose_the_last() -> None:
    assert kept(tree(*[1] * 50), 100) == [f"{number}x0" for number in range(5)]
    assert kept(tree(1, 1), 5) == ["0x0"]


def test_a_large_answer_shortens_its_texts_and_keeps_its_items() -> None:
    posts: list[dict[str, Any]] = [{"id": str(at), "title": "t" * 80, "selftext": "茶" * 1000} for at in range(100)]
    answer = {"posts": posts, "after": None}
    bounded(answer)
    assert size(answer) <= MOST_BYTES
    assert len(posts) == 100
    assert all(post["truncated"] for post in posts)


def test_a_small_answer_stays_as_it_is() -> None:
    answer = {"comments": [{"id": "a", "body": "whole " * 500}], "user": {}}
    bounded(answer)
    assert answer == {"comments": [{"id": "a", "body": "whole " * 500}], "user": {}}
