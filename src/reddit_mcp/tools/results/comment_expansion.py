"""Growing a thread: collapsed comments are fetched where they hide the most, within a budget of Reddit requests."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from reddit_mcp.errors import Failure
from reddit_mcp.models import Comment, More
from reddit_mcp.tools.results.compact_view import DEEPEST


@dataclass(slots=True)
class CommentForest:
    """Comments in reading order, each below its parent, and what Reddit collapsed."""

    comments: list[Comment] = field(default_factory=list)
    collapsed: list[More] = field(default_factory=list)
    _parents: dict[str, str] = field(default_factory=dict)

    def add(self, comments: Iterable[Comment], collapsed: Iterable[More]) -> None:
        """Join new comments; one that is here already stays as it is."""
        known = {comment.id: comment for comment in self.comments}
        for comment in comments:
            known.setdefault(comment.id, comment)
        self.comments = list(known.values())
        self.collapsed.extend(collapsed)
        self._order()
        self._parents = {comment.id: comment.parent_id.removeprefix("t1_") for comment in self.comments}

    def _order(self) -> None:
        """Put every comment behind its parent, and set its depth from there."""
        here = {f"t1_{comment.id}" for comment in self.comments}
        below: dict[str, list[Comment]] = {}
        for comment in self.comments:
            below.setdefault(comment.parent_id if comment.parent_id in here else "", []).append(comment)
        ordered: list[Comment] = []
        stack = [(0, comment) for comment in reversed(below.get("", []))]
        while stack:
            depth, comment = stack.pop()
            ordered.append(comment if comment.depth == depth else comment.model_copy(update={"depth": depth}))
            stack.extend((depth + 1, reply) for reply in reversed(below.get(f"t1_{comment.id}", [])))
        self.comments = ordered

    def largest(self) -> More | None:
        """Take out the collapsed node that hides the most."""
        if not self.collapsed:
            return None
        node = max(self.collapsed, key=lambda more: more.count)
        self.collapsed.remove(node)
        return node

    def prune(self, max_depth: int, limit: int) -> int:
        """Keep the first `limit` comments above `max_depth` levels (0 = any); return how many were left out."""
        total = len(self.comments)
        deepest = max_depth or DEEPEST
        self.comments = [comment for comment in self.comments if comment.depth < deepest][:limit]
        return total - len(self.comments)

    @property
    def hidden(self) -> int:
        """Comments that Reddit counted in collapsed nodes and that did not come some other way."""
        nodes = {node.children or (node.parent_id,): node for node in self.collapsed}.values()
        listed = {child for node in nodes for child in node.children}
        come = self._come(listed) if listed else 0
        below = sum(max(node.count - len(node.children), 0) for node in nodes)
        return max(len(listed) + below - come, len(listed - self._parents.keys()))

    def _come(self, listed: set[str]) -> int:
        """Comments that are listed or stand below one that is; those of reading order, so parents are known first."""
        found: set[str] = set()
        for identity, parent in self._parents.items():
            if identity in listed or parent in found:
                found.add(identity)
        return len(found)


async def expand(forest: CommentForest, budget: int, fetch: Callable[[More], Awaitable[None]]) -> None:
    """Let `fetch` open collapsed nodes, the largest first, `budget` times at most.

    Raises:
        Failure: whatever `fetch` raises; the node that it could not open is still collapsed.
    """
    for _ in range(budget):
        node = forest.largest()
        if node is None:
            return
        try:
            await fetch(node)
        except Failure:
            forest.collapsed.append(node)
            raise
