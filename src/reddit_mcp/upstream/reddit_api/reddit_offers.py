"""What Reddit's own API, or an archive of ours in its place, has no answer for: said before anything is sent."""

from typing import Any

from reddit_mcp.errors import Unavailable
from reddit_mcp.upstream.source import Query

NO_COMMENTS = (
    "Reddit's API does not search comments: search posts instead (kind posts) and read their comments with "
    "get_post_comments, or list one user's newest comments with get_user_info, include comments."
)
NO_COMMENT_INDEX = (
    "The archive that answers here was imported without the index over comments: search posts instead (kind posts) and "
    "read their comments with get_post_comments, or list one user's newest comments with get_user_info, include "
    "comments."
)
NO_PART = (
    "An archive does not keep the {part}: ask for rules (include rules), or read the description that "
    "get_subreddit_info gives."
)
_NOT_ARCHIVED = ("/about/moderators", "/wiki/pages", "/api/link_flair_v2")


def not_offered(instead: str, service: str = "reddit") -> Unavailable:
    """There is no such question; `instead` says what is lacking and what to ask."""
    return Unavailable(instead, service=service, reason="not_offered_by_source")


def refusal(query: Query[Any], *, archive: bool) -> Unavailable | None:
    """Why a question is not even sent; None for one that has an answer.

    Args:
        query: the question.
        archive: whether an archive of ours answers in Reddit's place.
    """
    if not archive and dict(query.params).get("type") == "comment":
        return not_offered(NO_COMMENTS)
    if archive and query.path.endswith(_NOT_ARCHIVED):
        return not_offered(NO_PART.format(part=query.resource), "archive")
    return None
