"""get_subreddit_info: what a community is about."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import Field

from reddit_mcp.errors import Failure, NotFound, Unavailable
from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_types import Community
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool
from reddit_mcp.upstream.reddit_api.community_parts import Flairs, Moderators, WikiIndex, page_address

Part = Literal["rules", "moderators", "wiki_index", "flairs"]
IncludeRules = Annotated[bool, Field(description="The same as include rules")]
Include = Annotated[list[Part], Field(max_length=4, description="One more Reddit request each")]


@tool(
    title="Get subreddit info",
    output={
        "subreddit": wire_schema.OBJECT,
        "rules": wire_schema.ITEMS,
        "moderators": wire_schema.ITEMS,
        "wiki_index": wire_schema.ITEMS,
        "flairs": wire_schema.ITEMS,
    },
    optional=("moderators", "wiki_index", "flairs"),
)
async def get_subreddit_info(
    call: Call,
    subreddit: Community,
    include_rules: IncludeRules = False,
    include: Include = [],  # noqa: B006
) -> Json:
    """Describe a community (subreddit): purpose, size, age and, when asked, rules, moderators, wiki, post flairs.

    Unknown numbers are null.
    """
    about = call.take(await call.services.reddit.subreddit(subreddit))
    answer: Json = {"subreddit": about.model_dump(), "rules": []}
    missing: list[Failure] = []
    for part in dict.fromkeys([*(["rules"] if include_rules else []), *include]):
        try:
            answer[part] = await _READERS[part](call, subreddit)
        except (NotFound, Unavailable) as failure:
            if isinstance(failure, Unavailable) and failure.data.get("reason") != "not_offered_by_source":
                raise
            missing.append(failure)
    if missing:
        call.do_without(_together(missing))
    return answer


def _together(missing: list[Failure]) -> Failure:
    """Parts that may not be read, or that the source has not, as one: each is said."""
    whole = NotFound(" ".join(map(str, missing)))
    whole.calls = sum(failure.calls for failure in missing)
    return whole


async def _rules(call: Call, community: str) -> list[Json]:
    return [rule.model_dump() for rule in call.take(await call.services.reddit.rules(community)).rules]


async def _moderators(call: Call, community: str) -> list[Json]:
    found = call.take(await call.services.reddit.community_part(community, Moderators))
    return [moderator.model_dump(mode="json") for moderator in found.moderators]


async def _wiki_index(call: Call, community: str) -> list[Json]:
    found = call.take(await call.services.reddit.community_part(community, WikiIndex))
    return [{"page": page, "url": page_address(community, page)} for page in found.pages]


async def _flairs(call: Call, community: str) -> list[Json]:
    found = call.take(await call.services.reddit.community_part(community, Flairs))
    return [flair.model_dump() for flair in found.flairs]


_READERS: dict[str, Callable[[Call, str], Awaitable[list[Json]]]] = {
    "rules": _rules,
    "moderators": _moderators,
    "wiki_index": _wiki_index,
    "flairs": _flairs,
}
