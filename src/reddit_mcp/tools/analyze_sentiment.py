"""analyze_sentiment: the mood of posts and comments."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from reddit_mcp.analysis.sentiment import CONFIDENCE_MEANING
from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_errors import checked
from reddit_mcp.tools.declaration.argument_types import TimeFilter, clean, harmless
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool
from reddit_mcp.tools.results import sentiment_analysis
from reddit_mcp.tools.results.post_references import resolved
from reddit_mcp.upstream.reddit_api import identifiers

ContentType = Annotated[
    Literal["post", "comment", "thread", "search_results", "subreddit", "user"],
    Field(description="What content_id names; thread is a post with its comments"),
]
ContentId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        description="Post or comment id or address, search words, community or user name",
    ),
    BeforeValidator(clean),
]
MANY_SKIPPED = 0.2
Limit = Annotated[int, Field(ge=1, le=100, description="Posts or comments to read")]


@tool(
    title="Analyze sentiment",
    output={
        "overall_sentiment": {
            "type": "object",
            "description": f"score (-1 to 1), label, distribution, 95 % interval, confidence: {CONFIDENCE_MEANING}",
        },
        "analyzed_items": {"type": "integer", "description": "English posts and comments scored"},
        "model": wire_schema.TEXT,
        "languages": wire_schema.OBJECT,
        "key_themes": wire_schema.ITEMS,
        "most_positive": wire_schema.ITEMS,
        "most_negative": wire_schema.ITEMS,
    },
)
async def analyze_sentiment(
    call: Call,
    content_type: ContentType,
    content_id: ContentId,
    time_filter: TimeFilter = "week",
    limit: Limit = 100,
) -> Json:
    """Measure the mood of a post, a comment, a thread, search results, a community or a user (English only).

    time_filter counts for search_results, subreddit (its top posts) and user.
    """
    name = await _name(call, content_type, content_id)
    report = call.take(
        await call.services.findings.fetch(sentiment_analysis.question(content_type, name, time_filter, limit))
    )
    if not report.found:
        call.say("Nothing to read was found; try a longer time_filter.")
    total = report.analyzed_items + report.languages.skipped
    if report.languages.skipped > MANY_SKIPPED * total:
        call.say(f"{report.languages.skipped} of {total} items are not in English and were not scored.")
    if time_filter != "week" and content_type not in ("search_results", "subreddit", "user"):
        call.say("time_filter counts for search_results, subreddit and user only.")
    return _shown(report)


async def _name(call: Call, content_type: str, content_id: str) -> str:
    """What content_id names, in the form that its question takes."""
    if content_type == "post":
        return (await resolved(call, "content_id", content_id)).post
    if content_type == "thread":
        found = await resolved(call, "content_id", content_id)
        return f"{found.post}/{found.comment}" if found.comment else found.post
    parse, rule = IDENTITIES[content_type]
    return checked(parse, "content_id", content_id, rule)


def _shown(report: sentiment_analysis.SentimentReport) -> Json:
    content = report.model_dump(exclude={"found"})
    for quotes in (content["most_positive"], content["most_negative"]):
        for quote in quotes:
            if not quote["truncated"]:
                del quote["truncated"]
    return content


IDENTITIES: dict[str, tuple[Callable[[str], str], str]] = {
    "comment": (identifiers.comment, identifiers.COMMENT_RULE),
    "search_results": (harmless, "search words"),
    "subreddit": (lambda text: identifiers.communities(text).lower(), identifiers.COMMUNITY_RULE),
    "user": (lambda text: identifiers.user(text).lower(), identifiers.USER_RULE),
}
"""How each content_id is understood, and what is said of one that is not."""
