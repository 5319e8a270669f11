"""get_subreddit_posts: a community's listing."""

from typing import Annotated, Literal

from pydantic import Field

from reddit_mcp.models import Post
from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_types import After, Communities, Detail, PageLimit, TimeFilter
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool
from reddit_mcp.tools.results import compact_view
from reddit_mcp.tools.results.page_requests import only_posts, page, real_name
from reddit_mcp.tools.results.rendered import rendered

Sort = Annotated[
    Literal["hot", "new", "top", "rising", "controversial"],
    Field(description="Order; time_filter counts for top and controversial"),
]


@tool(
    title="Get subreddit posts",
    output={
        "subreddit": wire_schema.TEXT,
        "sort": wire_schema.TEXT,
        "posts": wire_schema.ITEMS,
        "after": wire_schema.CURSOR,
        "complete": wire_schema.FLAG,
    },
    optional=("complete",),
)
async def get_subreddit_posts(
    call: Call,
    subreddit: Communities,
    sort: Sort = "hot",
    time_filter: TimeFilter = "day",
    limit: PageLimit = 25,
    after: After = "",
    detail: Detail = "concise",
) -> Json:
    """List the posts of a community (subreddit) in one of Reddit's orders.

    Pass `after` of the last answer for the next page; Reddit ends near 1,000 posts (complete: false). To find posts by
    words use search_reddit.
    """
    if time_filter != "day" and sort not in ("top", "controversial"):
        call.say("time_filter counts for sort top and controversial only.")
    answer = await call.services.reddit.posts(subreddit, sort, time_filter, limit, after)
    listing = call.take(answer)
    items, cursor = page(listing, limit)
    name = ("posts", subreddit.lower(), sort, time_filter)
    end = call.services.positions.ending(name, after, len(items), cursor, call.source)
    view = ("posts", subreddit, sort, limit, detail, *end)
    return rendered(
        answer, view, call.say, lambda _say: _content(only_posts(items), subreddit, sort, cursor, detail) | end
    )


def _content(posts: list[Post], subreddit: str, sort: str, cursor: str | None, detail: str) -> Json:
    return {
        "subreddit": real_name(subreddit, posts),
        "sort": sort,
        "posts": compact_view.posts(posts, detail),
        "after": cursor,
    }
