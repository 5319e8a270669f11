"""get_user_info: an account's profile and what it posted."""

from typing import Annotated, Any, Literal

from pydantic import Field

from reddit_mcp.models import Listing, User
from reddit_mcp.reddit.door import not_found
from reddit_mcp.tools import _schema, _view
from reddit_mcp.tools._fetch import only_comments, only_posts, page
from reddit_mcp.tools._tool import Call, Json, tool
from reddit_mcp.tools._types import After, Detail, PageLimit, UserName

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
        "user": _schema.OBJECT,
        "posts": _schema.ITEMS,
        "comments": _schema.ITEMS,
        "after": _schema.CURSOR,
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
    items: tuple[Any, ...] = ()
    cursor = None
    if include != "profile":
        history: Listing = call.take(await call.services.reddit.history(username, LISTS[include], limit, after))
        items, cursor = page(history, limit)
    return {
        "user": profile.model_dump(exclude={"is_suspended"}),
        "posts": _view.posts(only_posts(items), detail),
        "comments": _view.comments(only_comments(items), detail),
        "after": cursor,
    }


async def _profile(call: Call, username: str) -> User:
    profile = call.take(await call.services.reddit.user(username))
    if profile.is_suspended:
        raise not_found(f"user u/{username}", "suspended")
    return profile
