"""search_reddit: full-text search of posts and comments, and of communities by topic."""

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from reddit_mcp.errors import Failure
from reddit_mcp.models import Comment, Listing, Post
from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_types import (
    After,
    Communities,
    Detail,
    PageLimit,
    QueryText,
    Since,
    TimeFilter,
    Until,
)
from reddit_mcp.tools.declaration.date_bounds import bounds
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool
from reddit_mcp.tools.results import compact_view
from reddit_mcp.tools.results.page_requests import only_comments, only_posts, page
from reddit_mcp.tools.results.rendered import rendered
from reddit_mcp.upstream.source import Answer

Kind = Annotated[Literal["posts", "comments", "communities"], Field(description="What to find")]
Sort = Annotated[Literal["relevance", "hot", "top", "new", "comments"], Field(description="Order of the results")]


@tool(
    title="Search Reddit",
    output={
        "results": wire_schema.ITEMS,
        "query": wire_schema.TEXT,
        "total_found": {"type": "integer", "description": "Results in this answer"},
        "after": wire_schema.CURSOR,
        "complete": wire_schema.FLAG,
    },
    optional=("complete",),
)
async def search_reddit(
    call: Call,
    query: QueryText,
    kind: Kind = "posts",
    subreddit: Communities = "all",
    time_filter: TimeFilter = "week",
    since: Since = "",
    until: Until = "",
    sort: Sort = "relevance",
    limit: PageLimit = 25,
    after: After = "",
    detail: Detail = "concise",
) -> Json:
    """Find Reddit posts, comments or communities by words, everywhere or in a community.

    For a post's discussion use get_post_comments, to browse without words get_subreddit_posts. Nothing found is an
    empty list: try fewer words or a longer time.
    """
    within = bounds(since, until)
    if kind == "communities":
        if within != (None, None) or subreddit.lower() != "all":
            call.say("A search of communities looks everywhere: subreddit, since and until do not count in it.")
        found = call.take(await call.services.reddit.find_communities(query, limit, after))
        return _answer(query, compact_view.communities(found.items[:limit], detail), found.after)
    what: Literal["comment", "link"] = "comment" if kind == "comments" else "link"
    asking = call.services.reddit.search(query, subreddit, sort, time_filter, limit, after, within, what)
    answer, is_whole = await _as_far_as_it_came(asking)
    items, cursor = page(call.take(answer), limit)
    name = ("search", query, kind, subreddit.lower(), time_filter, within, sort)
    end = call.services.positions.ending(name, after, len(items), cursor, call.source)
    end = end if is_whole else {"complete": False}
    view = ("search", query, kind, limit, detail, *end)
    return rendered(answer, view, call.say, lambda _say: _found(items, query, kind, cursor, detail) | end)


async def _as_far_as_it_came(asking: Awaitable[Answer[Listing]]) -> tuple[Answer[Listing], bool]:
    """The answer, and whether it is whole: where a page of several failed, those before it stay."""
    try:
        return await asking, True
    except Failure as failure:
        if failure.partial is None:
            raise
        partial: Answer[Listing] = failure.partial
        return replace(partial, calls=failure.calls, degraded=f"A part is missing: {failure}"), False


def _found(items: Sequence[Post | Comment], query: str, kind: str, cursor: str | None, detail: str) -> Json:
    if kind == "comments":
        return _answer(query, compact_view.found_comments(only_comments(items), detail), cursor)
    return _answer(query, compact_view.posts(only_posts(items), detail), cursor)


def _answer(query: str, results: list[Json], cursor: str | None) -> Json:
    return {"results": results, "query": query, "total_found": len(results), "after": cursor}
