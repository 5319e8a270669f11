"""get_trending_topics: which topics rise."""

from typing import Annotated, Literal

from pydantic import Field

from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_errors import argument_error
from reddit_mcp.tools.declaration.argument_types import OptionalCommunity
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool
from reddit_mcp.tools.results import trend_analysis

Scope = Annotated[
    Literal["all", "subreddit"],
    Field(description="All of Reddit, or `subreddit`, which wins when given"),
]
Timeframe = Annotated[
    Literal["hour", "day"], Field(description="hour: the newest 100 posts; day: the day's top 200 posts")
]
Limit = Annotated[int, Field(ge=1, le=50, description="How many topics to return")]


@tool(
    title="Get trending topics",
    output={
        "trending_topics": {
            **wire_schema.ITEMS,
            "description": "keyword, mentions (posts), growth_rate (share of posts now / before), score (signed G2: "
            "above 3.84 chance is below 5 %), sentiment (-1 to 1), top_subreddits, sample_posts",
        },
        "analysis_timestamp": {"type": "integer", "description": "Seconds since 1970"},
        "posts_analyzed": wire_schema.INTEGER,
        "unique_keywords": wire_schema.INTEGER,
    },
)
async def get_trending_topics(
    call: Call,
    scope: Scope = "all",
    subreddit: OptionalCommunity = "",
    timeframe: Timeframe = "hour",
    limit: Limit = 10,
) -> Json:
    """Find topics that are rising now: phrases of post titles that became more frequent.

    The newer half of the posts is compared with the older half. An empty list: nothing rises.
    """
    community = _community(scope, subreddit)
    report = call.take(await call.services.findings.fetch(trend_analysis.question(community, timeframe)))
    content = report.model_dump()
    return {**content, "trending_topics": content["trending_topics"][:limit]}


def _community(scope: str, subreddit: str) -> str:
    if subreddit or scope == "all":
        return subreddit or "all"
    raise argument_error("subreddit", "is required when scope is subreddit", "a community name such as python")
