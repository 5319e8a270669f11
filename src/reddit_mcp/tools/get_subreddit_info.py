"""get_subreddit_info: what a community is about."""

from typing import Annotated

from pydantic import Field

from reddit_mcp.tools import _schema
from reddit_mcp.tools._tool import Call, Json, tool
from reddit_mcp.tools._types import Community

IncludeRules = Annotated[bool, Field(description="Also return the community's rules; one more Reddit request")]


@tool(title="Get subreddit info", output={"subreddit": _schema.OBJECT, "rules": _schema.ITEMS})
async def get_subreddit_info(call: Call, subreddit: Community, include_rules: IncludeRules = False) -> Json:
    """Describe a community (subreddit): purpose, size, age and, when asked, its rules.

    Numbers that Reddit does not give are null.
    """
    about = call.take(await call.services.reddit.subreddit(subreddit))
    rules = call.take(await call.services.reddit.rules(subreddit)).rules if include_rules else ()
    return {"subreddit": about.model_dump(), "rules": [rule.model_dump() for rule in rules]}
