"""search_reddit: full-text search of posts and comments, and of communities by topic."""

from typing import Annotated, Literal

from pydantic import Field

from reddit_mcp.models import Listing
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

Kind = Annotated[Literal["posts", "comments", "communities"], Field(description="What to find")]
Sort = Annotated[Literal["relevance", "hot", "top", "new", "comments"], Field(description="Order of the results")]


@tool(
    title="Search Reddit",
    output={
        "results": wire_schema.ITEMS,
        "query": wire_schema.TEXT,
        "total_found": {"type": "integer", "description": "Results in this answer"},
        "after": wire_schema.CURSOR,
    },
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
    answer = await call.services.reddit.search(
        query, subreddit, sort, time_filter, limit, after, within, "comment" if kind == "comments" else "link"
    )
    listing = call.take(answer)
    view = ("search", query, kind, limit, detail)
    return rendered(answer, view, call.say, lambda _say: _found(listing, query, kind, limit, detail))


def _found(listing: Listing, query: str, kind: str, limit: int, detail: str) -> Json:
    items, cursor = page(listing, limit)
    if kind == "comments":
        return _answer(query, compact_view.found_comments(only_comments(items), detail), cursor)
    return _answer(query, compact_view.posts(only_posts(items), detail), cursor)


def _answer(query: str, results: list[Json], cursor: str | None) -> Json:
    return {"results": results, "query": query, "total_found": len(results), "after": cursor}
