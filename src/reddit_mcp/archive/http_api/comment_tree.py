"""Which comments of a thread Reddit shows at once, and the "more" nodes that stand for the rest.

Reddit takes comments best first, a reply only after its parent, until the limit; brothers left over are collapsed into
one `more` node below their parent, and below the deepest level stands a node without children, "continue this thread".
Source: the open-source reddit code, `r2/r2/models/builder.py` (CommentBuilder) and recorded traffic.
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

from reddit_mcp.archive.archive_store import Node
from reddit_mcp.archive.sqlite.rank_formulas import confidence
from reddit_mcp.archive.sqlite.raw_fields import flag

DEEPEST = 10  # levels shown at once


@dataclass(frozen=True, slots=True)
class Branch:
    """A comment that is shown, at its depth in the answer."""

    node: Node
    parent: int | None
    depth: int
    replies: tuple["Branch | Collapsed", ...]


@dataclass(frozen=True, slots=True)
class Collapsed:
    """Comments below `parent` that are not shown; `count` includes their replies. None listed: deeper than shown."""

    parent: int | None
    depth: int
    children: tuple[int, ...] = ()
    count: int = 0


Part = Branch | Collapsed


class Tree:
    """The comments of a thread in a sort order.

    A comment whose parent is not kept stands at the top.
    """

    def __init__(self, nodes: Iterable[Node], sort: str) -> None:
        self._key = _sort_key(sort)
        self._nodes = {node.id: node for node in nodes}
        self._children: dict[int | None, list[Node]] = defaultdict(list)
        self._sizes = dict.fromkeys(self._nodes, 1)
        for node in sorted(self._nodes.values(), key=lambda each: each.id, reverse=True):
            parent = self.parent(node)
            self._children[parent].append(node)
            if parent is not None:
                self._sizes[parent] += self._sizes[node.id]
        if sort == "qa":
            self._key = self._answered
        self._rank = {
            node.id: rank for rank, node in enumerate(sorted(self._nodes.values(), key=self._key, reverse=True))
        }
        for brothers in self._children.values():
            brothers.sort(key=self._place)

    def parent(self, node: Node) -> int | None:
        """The comment above, if it is kept."""
        return node.parent if node.parent in self._nodes else None

    def top(self, limit: int, depth: int) -> tuple[Part, ...]:
        """The thread from its top."""
        return self._grow(self._children[None], limit, depth, 0)

    def focus(self, comment: int, context: int, limit: int, depth: int) -> tuple[Part, ...]:
        """One comment with its replies, below as many of the comments above it as asked for."""
        if comment not in self._nodes:
            return ()
        above = list(self._above(self._nodes[comment]))[: min(context, depth - 1)]
        parts = self._grow([self._nodes[comment]], max(limit - len(above), 1), depth, len(above))
        for at, node in enumerate(above):
            parts = (Branch(node, self.parent(node), len(above) - 1 - at, parts),)
        return parts

    def more(self, children: Iterable[int], limit: int, depth: int) -> tuple[Part, ...]:
        """Collapsed comments with `depth` levels of the thread from them down, at their depths in the thread."""
        asked = {each for each in children if each in self._nodes}
        families: dict[int | None, list[Node]] = defaultdict(list)
        for node in sorted((self._nodes[each] for each in asked), key=self._place):
            if asked.isdisjoint(above.id for above in self._above(node)):
                families[self.parent(node)].append(node)
        parts: list[Part] = []
        for brothers in families.values():
            level = sum(1 for _ in self._above(brothers[0]))
            grown = self._grow(brothers, limit, level + depth, level)
            limit -= sum(isinstance(part, Branch) for part in flat(grown))
            parts += grown
        return tuple(parts)

    def _grow(self, roots: Sequence[Node], limit: int, deepest: int, depth: int) -> tuple[Part, ...]:
        """Show the best `limit` comments from these roots down, at depths below `deepest`."""
        frontier = [(self._rank[node.id], node.id, depth) for node in roots]
        heapify(frontier)
        shown: set[int] = set()
        while frontier and len(shown) < limit:
            _, best, level = heappop(frontier)
            shown.add(best)
            if level + 1 < deepest:
                for node in self._children[best]:
                    heappush(frontier, (self._rank[node.id], node.id, level + 1))
        return self._parts(roots, shown, deepest, depth)

    def _parts(self, brothers: Sequence[Node], shown: set[int], deepest: int, depth: int) -> tuple[Part, ...]:
        parts: list[Part] = []
        hidden = [node for node in brothers if node.id not in shown]
        for node in brothers:
            if node.id in shown:
                replies = self._replies(node, shown, deepest, depth + 1)
                parts.append(Branch(node, self.parent(node), depth, replies))
        if hidden:
            count = sum(self._sizes[node.id] for node in hidden)
            parts.append(Collapsed(self.parent(hidden[0]), depth, tuple(node.id for node in hidden), count))
        return tuple(parts)

    def _replies(self, node: Node, shown: set[int], deepest: int, depth: int) -> tuple[Part, ...]:
        replies = self._children[node.id]
        if replies and depth >= deepest:
            return (Collapsed(node.id, depth),)
        return self._parts(replies, shown, deepest, depth)

    def _above(self, node: Node) -> Iterator[Node]:
        parent = self.parent(node)
        while parent is not None:
            yield self._nodes[parent]
            parent = self.parent(self._nodes[parent])

    def _place(self, node: Node) -> int:
        return self._rank[node.id]

    def _answered(self, node: Node) -> tuple[float, ...]:
        """Reddit's "qa": a question counts together with the submitter's best answer to it."""
        answers = [confidence(_votes(reply)) for reply in self._children[node.id] if reply.by_submitter]
        return node.stickied, confidence(_votes(node)) + max(answers, default=0.0), node.score, node.id


def shown_order(post: Mapping[str, Any], sort: str) -> str:
    """The order that Reddit shows: random in contest mode, whatever was asked for (`r2/controllers/front.py`)."""
    return "random" if flag(post.get("contest_mode")) else sort


def flat(parts: Iterable[Part]) -> Iterator[Part]:
    """Every part in reading order, parents before their replies."""
    for part in parts:
        yield part
        if isinstance(part, Branch):
            yield from flat(part.replies)


def _votes(node: Node) -> tuple[float, float]:
    return max(node.score + node.downs, 0), node.downs or max(-node.score, 0)


def _sort_key(sort: str) -> Callable[[Node], tuple[float, ...]]:
    """A comment's place in an order, the greatest first; stickied comments lead every order."""
    keys: dict[str, Callable[[Node], tuple[float, ...]]] = {
        "top": lambda node: (node.score,),
        "new": lambda node: (node.created,),
        "old": lambda node: (-node.created, -node.id),
        "controversial": lambda node: (node.controversial, -abs(node.score), node.created),
        "random": lambda node: (zlib.crc32(str(node.id).encode()),),
    }
    best: Callable[[Node], tuple[float, ...]] = lambda node: (confidence(_votes(node)), node.score)  # noqa: E731
    key = keys.get(sort, best)
    return lambda node: (node.stickied, *key(node), node.id)
