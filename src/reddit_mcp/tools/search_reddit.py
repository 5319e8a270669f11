"""search_reddit: full-text search of posts."""

from typing import Annotated, Literal

from pydantic import Field

from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_types import After, Communities, Detail, PageLimit, QueryText, TimeFilter
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool
from reddit_mcp.tools.results import compact_view
from reddit_mcp.tools.results.page_requests import only_posts, page

Sort = Annotated[Literal["relevance", "hot", "top", "new", "comments"], Field(description="Order of the results")]


@tool(
    title="Search Reddit",
    output={
        "results": wire_schema.ITEMS,
        "query": wire_schema.TEXT,
        "total_found": {"type": "integer", "description": "Number of results in this answer"},
        "after": wire_schema.CURSOR,
    },
)
async def search_reddit(
    call: Call,
    query: QueryText,
    subreddit: Communities = "all",
    time_filter: TimeFilter = "week",
    sort: Sort = "relevance",
    limit: PageLimit = 25,
    after: After = "",
    detail: Detail = "concise",
) -> Json:
    """Find Reddit posts by words, in all of Reddit or in one community.

    To read a found post's discussion use get_post_comments with its id. To browse a community without words use
    get_subreddit_posts. Nothing found is an empty list: try fewer words or a longer time_filter.
    """
    answer = await call.services.reddit.search(query, subreddit, sort, time_filter, limit, after)
    items, cursor = page(call.take(answer), limit)
    results = compact_view.posts(only_posts(items), detail)
    return {"results": results, "query": query, "total_found": len(results), "after": cursor}
