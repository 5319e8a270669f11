"""Small questions that several tools ask."""

from collections.abc import Sequence

from reddit_mcp.models import Comment, Listing, Post
from reddit_mcp.upstream.reddit_api.identifiers import fullname

ASSEMBLED = ("all", "popular")
"""Communities of which every post is another one's."""


def page(listing: Listing, limit: int) -> tuple[tuple[Post | Comment, ...], str | None]:
    """At most `limit` items and the cursor after them: Reddit's first page may hold stickied posts on top."""
    items = listing.items[:limit]
    if len(items) == len(listing.items):
        return items, listing.after
    return items, fullname(items[-1])


def only_posts(items: Sequence[Post | Comment]) -> list[Post]:
    """The posts among mixed items."""
    return [item for item in items if isinstance(item, Post)]


def only_comments(items: Sequence[Post | Comment]) -> list[Comment]:
    """The comments among mixed items."""
    return [item for item in items if isinstance(item, Comment)]


def real_name(asked: str, posts: Sequence[Post]) -> str:
    """The community's name; where Reddit led from a renamed one to another, that one's."""
    found = {post.subreddit for post in posts}
    is_one = len(found) == 1 and "+" not in asked and asked.lower() not in ASSEMBLED
    return next((name for name in found if is_one and name and name.lower() != asked.lower()), asked)
