"""How much attention a post has, measured against the latest posts of its community."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from reddit_mcp.models import Post, Value

HIGH, VIRAL = 90, 99
"""Percentiles of a community's last 100 posts."""

LEAST_SCORE, LEAST_COMMENTS = 2, 1
"""Below that nobody but the author has taken part, however quiet the community is."""

LEAST_VELOCITY = 20.0
"""Points an hour below which nothing is viral by its speed, however slow its community is."""

SHORTEST_AGE = 1800
"""Seconds; a younger post's speed says little, so it counts as that old."""


class EngagementThreshold(Value):
    """What a post must reach in one of two ways."""

    score: int
    comments: int


class Baseline(Value):
    """The bars of a community: score and comments at two percentiles, and the speed of its fastest posts."""

    posts: int
    high: EngagementThreshold
    viral: EngagementThreshold
    velocity: float


def baseline(posts: Sequence[Post], now: float) -> Baseline:
    """Measure a community by its last posts."""
    return Baseline(
        posts=len(posts),
        high=_bar(posts, HIGH),
        viral=_bar(posts, VIRAL),
        velocity=max(percentile((velocity(post, now) for post in posts), VIRAL), LEAST_VELOCITY),
    )


def reason(post: Post, threshold: Literal["high_engagement", "viral"], known: Baseline, now: float) -> str | None:
    """Why a post reaches a threshold, in words; None when it does not (yet)."""
    bar, rank = (known.high, HIGH) if threshold == "high_engagement" else (known.viral, VIRAL)
    among = f"{rank}th percentile of r/{post.subreddit}'s last {known.posts} posts"
    if (score := post.score or 0) >= bar.score:
        return f"its score of {score} is at or above {bar.score}, the {among}"
    if (comments := post.num_comments or 0) >= bar.comments:
        return f"its {comments} comments are at or above {bar.comments}, the {among}"
    if threshold == "viral" and (speed := velocity(post, now)) >= known.velocity:
        return f"it gains {speed:.0f} points an hour, at or above {known.velocity:.0f}, the {among}"
    return None


def velocity(post: Post, now: float) -> float:
    """Points an hour since the post was made."""
    age = max(now - (post.created_utc or now), SHORTEST_AGE)
    return (post.score or 0) * 3600 / age


def percentile(values: Iterable[float], rank: int) -> float:
    """The nearest-rank percentile: the smallest value that is not below `rank` per cent of them; 0 without any."""
    ordered = sorted(values)
    return ordered[math.ceil(rank * len(ordered) / 100) - 1] if ordered else 0.0


def _bar(posts: Sequence[Post], rank: int) -> EngagementThreshold:
    return EngagementThreshold(
        score=max(int(percentile((post.score or 0 for post in posts), rank)), LEAST_SCORE),
        comments=max(int(percentile((post.num_comments or 0 for post in posts), rank)), LEAST_COMMENTS),
    )
