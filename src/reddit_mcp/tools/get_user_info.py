"""get_user_info: an account's profile and what it posted."""

from typing import Annotated, Any, Literal

from pydantic import Field

from reddit_mcp.errors import NotFound
from reddit_mcp.models import Listing, User
from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_types import After, Detail, PageLimit, UserName
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool
from reddit_mcp.tools.results import compact_view
from reddit_mcp.tools.results.page_requests import only_comments, only_posts, page
from reddit_mcp.upstream.reddit_api.response_errors import not_found

Include = Annotated[
    Literal["profile", "posts", "comments", "all"],
    Field(description="profile alone, or with the newest posts, comments or both"),
]
LISTS: dict[str, Literal["submitted", "comments", "overview"]] = {
    "posts": "submitted",
    "comments": "comments",
    "all": "overview",
}


@tool(
    title="Get user info",
    output={
        "user": wire_schema.OBJECT,
        "posts": wire_schema.ITEMS,
        "comments": wire_schema.ITEMS,
        "after": wire_schema.CURSOR,
    },
)
async def get_user_info(
    call: Call,
    username: UserName,
    include: Include = "profile",
    limit: PageLimit = 25,
    after: After = "",
    detail: Detail = "concise",
) -> Json:
    """Show a Reddit user's public profile and, when asked, the newest posts and comments.

    With include=all, limit counts posts and comments together. Suspended and unknown users are a not_found.
    """
    profile = await _profile(call, username)
    if include == "profile" and after:
        call.say("`after` counts with include posts, comments or all only.")
    items: tuple[Any, ...] = ()
    cursor = None
    if include != "profile":
        items, cursor = await _history(call, username, include, limit, after)
    if include != "profile" and not items and not after and _has_written(profile):
        call.say(HIDDEN)
    return {
        "user": profile.model_dump(exclude={"is_suspended"}),
        "posts": compact_view.posts(only_posts(items), detail),
        "comments": compact_view.comments(only_comments(items), detail),
        "after": cursor,
    }


HIDDEN = "This account's history is empty or hidden by its owner; only the profile can be read."


async def _history(
    call: Call, username: str, include: str, limit: int, after: str
) -> tuple[tuple[Any, ...], str | None]:
    """What the account wrote; nothing where that may not be read."""
    try:
        history: Listing = call.take(await call.services.reddit.history(username, LISTS[include], limit, after))
    except NotFound as hidden:
        call.learnt_from(hidden)
        call.say(HIDDEN)
        return (), None
    return page(history, limit)


def _has_written(profile: User) -> bool:
    """Whether somebody once voted on what the account wrote."""
    return any((profile.link_karma or 0, profile.comment_karma or 0))


async def _profile(call: Call, username: str) -> User:
    profile = call.take(await call.services.reddit.user(username))
    if profile.is_suspended:
        raise not_found(f"user u/{username}", "suspended")
    return profile
