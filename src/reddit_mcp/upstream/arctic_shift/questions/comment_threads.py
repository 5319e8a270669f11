"""A post with its comments, and collapsed comments.

Arctic Shift promises no order by score, so the whole tree is fetched, as far as it gives it at once, and ordered here
as Reddit orders it, from the scores it knows. What it collapses itself (`more`) stays collapsed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from reddit_mcp.archive.archive_store import Node
from reddit_mcp.archive.http_api import reddit_json
from reddit_mcp.archive.http_api.comment_tree import DEEPEST, Tree, shown_order
from reddit_mcp.archive.sqlite.raw_fields import base36, flag, identity, moment, text, whole
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Asking
from reddit_mcp.upstream.arctic_shift.client.arctic_failures import not_found
from reddit_mcp.upstream.arctic_shift.questions.arctic_things import Data, numbered
from reddit_mcp.upstream.arctic_shift.questions.user_questions import by_ids

Json = Any
PATH = "/api/comments/tree"
WHOLE = {"limit": 5_000, "start_breadth": 5_000, "start_depth": 100}
"""Comments fetched at once: of about 2 kB each, below the largest answer; no deeper than JSON can be read."""

_COMMENTS, _MOST_COMMENTS = 200, 1_000
_MORE_AT_ONCE = 500
_MOST_ABOVE = 8


class Comments:
    """What is known of a thread's comments.

    Attributes:
        data: comments by their numbers.
        collapsed: by the parent's fullname, numbers of comments that were not sent.
    """

    def __init__(self, link: str) -> None:
        self.link = link
        self.data: dict[int, Data] = {}
        self.collapsed: dict[str, list[int]] = {}

    def add_tree(self, rows: Iterable[Json]) -> None:
        """The objects of an answer of the tree; without recursion, for threads may be deep."""
        stack = [(self.link, row) for row in rows]
        while stack:
            parent, row = stack.pop()
            data = row.get("data") if isinstance(row, dict) else None
            if not isinstance(data, dict):
                continue
            placed = {**data, "parent_id": text(data.get("parent_id")) or parent}
            if row.get("kind") == "more":
                self._collapse(placed)
            elif row.get("kind") == "t1":
                replies = _children(placed.pop("replies", None))
                stack += [(f"t1_{text(data.get('id'))}", reply) for reply in replies]
                self.add(numbered("t1", [placed]))

    def add(self, found: Iterable[tuple[int, Data]]) -> None:
        """Comments with their numbers; those of other threads are left out."""
        for number, data in found:
            if identity(data.get("link_id")) in (None, identity(self.link)):
                self.data[number] = data

    def tree(self, sort: str, submitter: str) -> Tree:
        """In an order of Reddit's; `submitter` wrote the post."""
        nodes = [_node(number, data, submitter) for number, data in self.data.items()]
        rooted = self._rooted(nodes)
        return Tree((node if node.id in rooted else replace(node, parent=None) for node in nodes), sort)

    def _rooted(self, nodes: Sequence[Node]) -> set[int]:
        """The comments that hang below the post: those of a ring, each below the other, have no way up."""
        below: dict[int, list[int]] = {}
        reached = set()
        for node in nodes:
            if node.parent in self.data:
                below.setdefault(node.parent or 0, []).append(node.id)
            else:
                reached.add(node.id)
        stack = list(reached)
        while stack:
            found = below.get(stack.pop(), [])
            reached.update(found)
            stack += found
        return reached

    def _collapse(self, data: Json) -> None:
        numbers = [identity(child) for child in _list(data.get("children"))]
        known = [number for number in numbers if number is not None]
        self.collapsed.setdefault(data["parent_id"], []).extend(known)

    def shown(self, parts: Sequence[Json]) -> list[Json]:
        """Comments in Reddit's shape, with what Arctic Shift collapsed put below its parents."""
        top = [*parts, *self._more(self.link, 0)]
        stack = [part["data"] for part in parts if part["kind"] == "t1"]
        while stack:
            data = stack.pop()
            replies = data["replies"]["data"]["children"] if data["replies"] else []
            stack += [reply["data"] for reply in replies if reply["kind"] == "t1"]
            hidden = self._more(data["name"], data["depth"] + 1)
            if hidden:
                data["replies"] = reddit_json.listing([*replies, *hidden])
        return top

    def _more(self, parent: str, depth: int) -> list[Json]:
        children = [number for number in self.collapsed.get(parent, []) if number not in self.data]
        if not children:
            return []
        ids = [base36(number) for number in children]
        data = {"count": len(ids), "name": f"t1_{ids[0]}", "id": ids[0], "parent_id": parent, "depth": depth}
        return [{"kind": "more", "data": {**data, "children": ids}}]


async def thread(asking: Asking, post: str, focus: str, given: dict[str, str], resource: str) -> Json:
    """The two listings of `/comments/{id}`.

    Raises:
        NotFound: it keeps no such post.
    """
    head = await _post(asking, post, resource)
    comments = Comments(f"t3_{post}")
    comments.add_tree(await asking.rows(PATH, link_id=f"t3_{post}", **WHOLE))
    limit = min(_number(given, "limit") or _COMMENTS, _MOST_COMMENTS)
    depth = min(_number(given, "depth") or DEEPEST, DEEPEST)
    above = min(_number(given, "context"), _MOST_ABOVE)
    if focus:
        await _complete(asking, comments, focus, above)
    tree = comments.tree(shown_order(head, given.get("sort", "")), _author(head))
    parts = tree.focus(identity(focus) or 0, above, limit, depth) if focus else tree.top(limit, depth)
    shown = reddit_json.nested(parts, comments.data, comments.link)
    return [
        reddit_json.listing([reddit_json.post(head)]),
        reddit_json.listing(shown if focus else comments.shown(shown)),
    ]


async def more(asking: Asking, given: dict[str, str]) -> Json:
    """The things of `/api/morechildren`: the asked ones with their replies, and by their ids what the tree lacks."""
    link = given.get("link_id", "")
    asked = [number for child in given.get("children", "").split(",") if (number := identity(child)) is not None]
    comments = Comments(link)
    comments.add_tree(await asking.rows(PATH, link_id=link, **WHOLE))
    missing = [base36(number) for number in asked[:_MORE_AT_ONCE] if number not in comments.data]
    if missing:
        comments.add((await by_ids(asking, "t1", missing)).items())
    parts = comments.tree(given.get("sort", ""), "").more(asked, _MORE_AT_ONCE, DEEPEST)
    things = reddit_json.flattened(parts, comments.data, link)
    return {"json": {"errors": [], "data": {"things": things}}}


async def _post(asking: Asking, post: str, resource: str) -> Data:
    found = await by_ids(asking, "t3", [post])
    for data in found.values():
        return data
    raise not_found(resource)


async def _complete(asking: Asking, comments: Comments, focus: str, above: int) -> None:
    """Fetch a branch that the tree left out, and the comments above it."""
    number = identity(focus) or 0
    if number in comments.data:
        return
    comments.add_tree(await asking.rows(PATH, link_id=comments.link, parent_id=f"t1_{focus}", **WHOLE))
    for _ in range(above):
        parent = text(comments.data.get(number, {}).get("parent_id"))
        number = identity(parent) or 0
        if not parent.startswith("t1_") or number in comments.data:
            return
        comments.add((await by_ids(asking, "t1", [base36(number)])).items())


def _node(number: int, data: Data, submitter: str) -> Node:
    parent = text(data.get("parent_id"))
    data["is_submitter"] = flag(data.get("is_submitter")) or (submitter != "" and text(data.get("author")) == submitter)
    return Node(
        id=number,
        parent=identity(parent) if parent.startswith("t1_") else None,
        created=moment(data.get("created_utc")) or 0,
        score=whole(data.get("score")) or 0,
        downs=max(whole(data.get("downs")) or 0, 0),
        controversial=bool(whole(data.get("controversiality"))),
        stickied=flag(data.get("stickied")),
        by_submitter=data["is_submitter"],
    )


def _author(post: Data) -> str:
    name = text(post.get("author"))
    return "" if name.startswith("[") else name


def _children(replies: Json) -> list[Json]:
    """Replies as a listing, as Reddit wraps them, or as a bare list."""
    if isinstance(replies, dict):
        replies = replies.get("data")
        replies = replies.get("children") if isinstance(replies, dict) else None
    return _list(replies)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _number(given: dict[str, str], name: str) -> int:
    value = given.get(name, "")
    return int(value) if value.isdecimal() and len(value) <= 6 else 0  # noqa: PLR2004 - larger ones are cut anyway
