"""get_subreddit_info: what a community is about."""

from typing import Annotated

from pydantic import Field

from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_types import Community
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool

IncludeRules = Annotated[bool, Field(description="Also return the community's rules; one more Reddit request")]


@tool(title="Get subreddit info", output={"subreddit": wire_schema.OBJECT, "rules": wire_schema.ITEMS})
async def get_subreddit_info(call: Call, subreddit: Community, include_rules: IncludeRules = False) -> Json:
    """Describe a community (subreddit): purpose, size, age and, when asked, its rules.

    Numbers that Reddit does not give are null.
    """
    about = call.take(await call.services.reddit.subreddit(subreddit))
    rules = call.take(await call.services.reddit.rules(subreddit)).rules if include_rules else ()
    return {"subreddit": about.model_dump(), "rules": [rule.model_dump() for rule in rules]}
