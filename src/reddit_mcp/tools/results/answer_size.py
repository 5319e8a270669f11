"""How large an answer may be: a tree of comments gives up its largest branches first, a list its last items.

Tokens cannot be counted here, for every model has its own. Answers over 173 recorded threads had 2.99 bytes or more for
a token of o200k_base, so 60,000 bytes stay below 25,000 tokens with a fifth to spare.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from reddit_mcp.models import Comment
from reddit_mcp.tools.results.compact_view import fit

Json = dict[str, Any]

MOST_BYTES = 60_000
_MARGIN = 1_500
"""For the metadata."""

_TEXTS = {"results": ("selftext", "body"), "posts": ("selftext",), "comments": ("body",)}
"""The lists of answers, with the texts of their items."""


def size(item: Any) -> int:
    """Bytes of its JSON, with the comma behind it."""
    return len(orjson.dumps(item)) + 1


def bounded(answer: Json) -> bytes:
    """Shorten the texts of an answer's lists where the whole would be too large; no item is left out.

    A tree of comments is left alone: its branches were cut.

    Returns:
        The answer's JSON.
    """
    written = orjson.dumps(answer)
    lists = {name: answer[name] for name in _TEXTS if answer.get(name) and not _is_tree(answer, name)}
    if len(written) < MOST_BYTES or not lists:
        return written
    _shorten(lists, len(written) + 1)
    return orjson.dumps(answer)


def _shorten(lists: dict[str, list[Json]], total: int) -> None:
    """Cut the texts of the lists, each by its share of an answer that takes `total` bytes."""
    rest = total - sum(map(size, lists.values()))
    for name, items in lists.items():
        whole = size(items)
        share = (MOST_BYTES - _MARGIN - rest) * whole // (total - rest)
        budget = share * len(orjson.dumps(items).decode()) // whole
        if field := next((each for each in _TEXTS[name] if each in items[0]), None):
            fit(items, field, budget)


def _is_tree(answer: Json, name: str) -> bool:
    return name == "comments" and "returned_comments" in answer


def branches_within(items: Sequence[Comment], sizes: Sequence[int], budget: int) -> list[int]:
    """Which of the comments, in reading order, stay within the budget: the largest branches are cut to one size.

    Comments of a branch stay level by level, so that none loses its parent. Where the tops alone are too many, the last
    of them go.
    """
    if sum(sizes) <= budget:
        return list(range(len(items)))
    branches = _tops_within(_branches(items), sizes, budget // 2)
    share = _fair([sum(sizes[at] for at in branch) for branch in branches], budget)
    kept: list[int] = []
    for branch in branches:
        left = share
        for at in sorted(branch, key=lambda each: items[each].depth):
            left -= sizes[at]
            if left < 0 and items[at].depth:
                break
            kept.append(at)
    return sorted(kept)


def _branches(items: Sequence[Comment]) -> list[list[int]]:
    found: list[list[int]] = []
    for at, item in enumerate(items):
        if item.depth == 0 or not found:
            found.append([])
        found[-1].append(at)
    return found


def _tops_within(branches: list[list[int]], sizes: Sequence[int], budget: int) -> list[list[int]]:
    """The branches whose first comments stay within the budget; at least one."""
    for count, branch in enumerate(branches):
        budget -= sizes[branch[0]]
        if budget < 0:
            return branches[: max(count, 1)]
    return branches


def _fair(sizes: list[int], budget: int) -> int:
    """The size to which the largest branches are cut so that all together stay within the budget."""
    for position, each in enumerate(sorted(sizes)):
        share = budget // (len(sizes) - position)
        if each > share:
            return share
        budget -= each
    return max(sizes, default=0)
