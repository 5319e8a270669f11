"""get_post_comments: a post and its discussion as a tree."""

import contextlib
from typing import Annotated, Literal

from pydantic import Field

from reddit_mcp.errors import Failure
from reddit_mcp.models import Branches, Comment, More, Thread
from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_types import CommentRef, Detail, PostRef
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool
from reddit_mcp.tools.results import answer_size, compact_view
from reddit_mcp.tools.results.answer_size import branches_within, size
from reddit_mcp.tools.results.comment_expansion import CommentForest, expand
from reddit_mcp.tools.results.post_references import resolved
from reddit_mcp.tools.results.rendered import Say, rendered
from reddit_mcp.upstream.client import CommentSort
from reddit_mcp.upstream.reddit_api.response_errors import not_found

Sort = Annotated[
    Literal["best", "top", "new", "controversial", "old", "qa"], Field(description="Order of the comments")
]
MaxDepth = Annotated[int, Field(ge=0, le=10, description="Levels of replies; 0 = all")]
Limit = Annotated[int, Field(ge=1, le=1000, description="How many comments at most")]
ExpandMore = Annotated[int, Field(ge=0, le=5, description="Extra Reddit requests to spend on collapsed comments")]

Context = Annotated[int, Field(ge=0, le=8, description="Parents to show above comment_id")]

EXPANDED = "comments-expanded"
"""The event of a call that opened collapsed comments."""


@tool(
    title="Get post comments",
    output={
        "post": wire_schema.OBJECT,
        "comments": {**wire_schema.ITEMS, "description": "A tree: each comment carries its replies"},
        "total_comments": {"anyOf": [wire_schema.INTEGER, {"type": "null"}], "description": "Reddit's own count"},
        "returned_comments": {"type": "integer", "description": "Comments in this tree"},
        "collapsed_comments": {"type": "integer", "description": "Comments that exist and are not in it"},
        "summary": wire_schema.OBJECT,
    },
    optional=("summary",),
)
async def get_post_comments(
    call: Call,
    post_id: PostRef,
    sort: Sort = "best",
    max_depth: MaxDepth = 0,
    limit: Limit = 100,
    expand_more: ExpandMore = 0,
    comment_id: CommentRef = "",
    context: Context = 0,
    detail: Detail = "concise",
) -> Json:
    """Read a post and its comments as a tree of replies.

    Reddit collapses large threads: raise limit, or set expand_more to spend extra requests on collapsed comments.
    With comment_id only the branch below that comment is shown, and `context` of its parents above it.
    """
    named = await resolved(call, "post_id", post_id)
    post, focus = named.post, comment_id or named.comment
    if context and not focus:
        call.say("`context` counts with comment_id only.")
    above = context or (0 if comment_id else named.context)
    answer = await call.services.reddit.thread(post, sort, limit, max_depth, focus, above)
    thread = call.take(answer)
    if focus and not thread.comments:
        raise not_found(f"comment {focus} in post {post}", archive=call.is_archive)
    if not expand_more:
        view = ("thread", max_depth, limit, detail)
        return rendered(
            answer, view, call.say, lambda say: _answer(say, thread, _forest(thread), max_depth, limit, detail)
        )
    forest = _forest(thread)
    try:
        await expand(forest, expand_more, lambda node: _open(call, forest, post, sort, node))
    except Failure as failure:  # what was fetched before stays
        call.do_without(failure)
    return _answer(call.say, thread, forest, max_depth, limit, detail)


def _forest(thread: Thread) -> CommentForest:
    forest = CommentForest()
    forest.add(thread.comments, thread.more)
    return forest


async def _open(call: Call, forest: CommentForest, post: str, sort: CommentSort, node: More) -> None:
    """Fetch what one collapsed node hides."""
    reddit = call.services.reddit
    with contextlib.suppress(ValueError):  # called in process, there is nobody to tell
        await call.context.report_progress(call.requests, message="fetching collapsed comments")
    if node.children:
        found: Branches | Thread = call.take(await reddit.more(post, node.children, sort))
    else:  # "continue this thread"
        found = call.take(await reddit.thread(post, sort, comment_id=node.parent_id.removeprefix("t1_")))
    forest.add(found.comments, found.more)
    if EXPANDED not in call.events:  # however many are opened
        call.events.append(EXPANDED)


def _answer(say: Say, thread: Thread, forest: CommentForest, max_depth: int, limit: int, detail: str) -> Json:
    left_out = forest.prune(max_depth, limit)
    post = compact_view.post(thread.post, detail)
    views = compact_view.comments(forest.comments, detail)
    kept = branches_within(forest.comments, [*map(size, views)], answer_size.MOST_BYTES - size(post))
    left_out += len(views) - len(kept)
    if len(kept) < len(views):
        say("The largest branches are cut: pass comment_id of a comment to read on below it, or a smaller limit.")
    if any(not node.children for node in forest.collapsed):
        say("Some branches go deeper: pass comment_id of their last comment to read on.")
    if thread.post.contest_mode:
        say("The post is in contest mode: its comments come in a random order, whatever `sort` says.")
    comments: list[Comment] = [forest.comments[at] for at in kept]
    return {
        "post": post,
        "comments": compact_view.nest(comments, [views[at] for at in kept]),
        "total_comments": thread.post.num_comments,
        "returned_comments": len(comments),
        "collapsed_comments": left_out + forest.hidden,
        "summary": _summary(comments, thread.post.num_comments),
    }


def _summary(comments: list[Comment], total: int | None) -> Json:
    """What the tree holds; `share_shown` of all comments is absent where their number is unknown."""
    authors = {comment.author for comment in comments} - {"[deleted]"}
    depth = max((comment.depth + 1 for comment in comments), default=0)
    share = {"share_shown": round(min(len(comments) / total, 1), 2)} if total else {}
    return {"authors": len(authors), "depth": depth, **share}
