"""What an account does: counted over the posts and comments that were read."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from reddit_mcp.models import Comment, Post
from reddit_mcp.tools.results.page_requests import only_comments, only_posts

Json = dict[str, Any]
MOST_COMMUNITIES = 10
HOURS = 24


def activity(items: Sequence[Post | Comment], *, complete: bool) -> Json:
    """Counts by community (the ten with most) and by hour of the day (UTC), the first and last of them, their score.

    Args:
        items: what was read.
        complete: whether that is all the account ever posted, as far as the source shows it.
    """
    times = [item.created_utc for item in items if item.created_utc is not None]
    scores = [item.score for item in items if item.score is not None]
    return {
        "posts": len(only_posts(items)),
        "comments": len(only_comments(items)),
        "communities": _communities(items),
        "hours_utc": _hours(times),
        "first_seen_utc": min(times, default=None),
        "last_seen_utc": max(times, default=None),
        "median_score": median(scores) if scores else None,
        "complete": complete,
    }


def _communities(items: Sequence[Post | Comment]) -> list[Json]:
    posts, comments = (Counter(item.subreddit for item in of) for of in (only_posts(items), only_comments(items)))
    both = posts + comments
    found = sorted((name for name in both if name), key=lambda name: (-both[name], name.lower()))
    return [{"name": name, "posts": posts[name], "comments": comments[name]} for name in found[:MOST_COMMUNITIES]]


def _hours(times: Sequence[int]) -> list[int]:
    """How many fell into each hour of the day."""
    counts = Counter(datetime.fromtimestamp(moment, UTC).hour for moment in times)
    return [counts[hour] for hour in range(HOURS)]
