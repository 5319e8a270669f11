"""Reddit's published orders.

Source: the open-source reddit code, `r2/r2/lib/db/_sorts.pyx` (hot, controversy, confidence). Votes are what the
source recorded. Since 2014 Reddit shows only `score` and, for posts, `upvote_ratio`; the two give the votes back as
long as the score is not 0.
"""

import math
from typing import Any

from reddit_mcp.archive.sqlite.raw_fields import ratio, whole

_EPOCH = 1_134_028_003  # Reddit's own zero of hotness, in seconds
_DECAY = 45_000  # seconds that a factor of ten in score outweighs
_Z = 1.281551565545  # 80 % confidence
Votes = tuple[float, float]


def hot(score: int, created: int) -> int:
    """Hotness in units of 1e-7: log10 of the score, and one more for every 45,000 seconds."""
    sign = (score > 0) - (score < 0)
    return round((sign * math.log10(max(abs(score), 1)) + (created - _EPOCH) / _DECAY) * 1e7)


def controversy(votes: Votes) -> float:
    """(ups + downs) ** balance; 0 without votes on both sides."""
    ups, downs = votes
    if ups <= 0 or downs <= 0:
        return 0.0
    return float((ups + downs) ** (min(ups, downs) / max(ups, downs)))


def confidence(votes: Votes) -> float:
    """Lower bound of Wilson's score interval on the share of up-votes ("best")."""
    ups, downs = votes
    n = ups + downs
    if n <= 0:
        return 0.0
    share = ups / n
    left = share + _Z * _Z / (2 * n)
    right = _Z * math.sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n))
    return (left - right) / (1 + _Z * _Z / n)


def post_votes(data: dict[str, Any]) -> Votes:
    """Ups and downs of a post as its source tells them; a level score with a ratio is the fewest votes that fit."""
    score, share, downs = whole(data.get("score")), ratio(data.get("upvote_ratio")), whole(data.get("downs"))
    if downs and downs > 0:
        return max(whole(data.get("ups")) or 0, 0), downs
    if score is None or share is None or share in (0, 1):
        return max(score or 0, 0), max(-(score or 0), 0)
    margin = 2 * share - 1
    total = score / margin if score and score * margin > 0 else 1 / min(share, 1 - share)
    return total * share, total * (1 - share)
