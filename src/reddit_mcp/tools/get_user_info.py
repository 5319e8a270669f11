"""get_user_info: an account's profile and what it posted."""

from typing import Annotated, Literal

from pydantic import Field

from reddit_mcp.errors import Failure, NotFound
from reddit_mcp.models import Comment, Listing, Post, User
from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_types import After, Detail, PageLimit, UserName
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool
from reddit_mcp.tools.results import compact_view
from reddit_mcp.tools.results.page_requests import only_comments, only_posts, page
from reddit_mcp.tools.results.user_activity import activity
from reddit_mcp.upstream.client import PAGE
from reddit_mcp.upstream.reddit_api.response_errors import not_found

Include = Annotated[
    Literal["profile", "posts", "comments", "all", "activity"],
    Field(description="profile alone, or with the newest posts, comments, all; activity: counts over the newest 200"),
]
History = Literal["submitted", "comments", "overview"]
LISTS: dict[str, History] = {"posts": "submitted", "comments": "comments", "all": "overview"}
Items = tuple[Post | Comment, ...]


@tool(
    title="Get user info",
    output={
        "user": wire_schema.OBJECT,
        "posts": wire_schema.ITEMS,
        "comments": wire_schema.ITEMS,
        "after": wire_schema.CURSOR,
        "complete": wire_schema.FLAG,
        "activity": {
            **wire_schema.OBJECT,
            "description": "Counts by community (top 10) and hour; complete: nothing older exists",
        },
    },
    optional=("activity", "complete"),
)
async def get_user_info(
    call: Call,
    username: UserName,
    include: Include = "profile",
    limit: PageLimit = 25,
    after: After = "",
    detail: Detail = "concise",
) -> Json:
    """Show a Reddit user's profile and, when asked, the newest posts and comments, or where and when they post.

    With include=all, limit counts posts and comments together. Suspended and unknown users are a not_found.
    """
    profile = await _profile(call, username)
    if include not in LISTS and after:
        call.say("`after` counts with include posts, comments or all only.")
    if include == "activity":
        return {**_answer(profile, (), None, detail), "activity": await _activity(call, username, profile)}
    if include == "profile":
        return _answer(profile, (), None, detail)
    items, cursor = await _history(call, username, LISTS[include], limit, after)
    if not items and not after and _has_written(profile):
        call.say(HIDDEN)
    name = ("history", username.lower(), include)
    end = call.services.positions.ending(name, after, len(items), cursor, call.source)
    return _answer(profile, items, cursor, detail) | end


def _answer(profile: User, items: Items, cursor: str | None, detail: str) -> Json:
    return {
        "user": profile.model_dump(exclude={"is_suspended"}),
        "posts": compact_view.posts(only_posts(items), detail),
        "comments": compact_view.comments(only_comments(items), detail),
        "after": cursor,
    }


async def _activity(call: Call, username: str, profile: User) -> Json:
    """Counts over two pages of what the account wrote."""
    items, cursor = await _history(call, username, "overview", PAGE, "")
    if cursor:
        try:
            more, cursor = await _history(call, username, "overview", PAGE, cursor)
            items += more
        except Failure as failure:  # the newer half stays
            call.do_without(failure)
    elif not items and _has_written(profile):
        call.say(HIDDEN)
    return activity(items, complete=cursor is None)


HIDDEN = "This account's history is empty or hidden by its owner; only the profile can be read."


async def _history(call: Call, username: str, what: History, limit: int, after: str) -> tuple[Items, str | None]:
    """What the account wrote; nothing where that may not be read."""
    try:
        history: Listing = call.take(await call.services.reddit.history(username, what, limit, after))
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
