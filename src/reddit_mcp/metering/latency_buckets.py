"""Durations in buckets that grow by a fixed ratio.

Counts of any number of processes add up, and a quantile of the sum is within 2 % of the exact one. Source: Masson, Rim,
Lee: DDSketch, a fast and fully-mergeable quantile sketch with relative-error guarantees (VLDB 2019).
"""

import math
from collections.abc import Mapping

ERROR = 0.02
"""How far a quantile may be off, relative to itself."""

RATIO = (1 + ERROR) / (1 - ERROR)
SHORTEST_MS, LONGEST_MS = 0.01, 600_000.0
"""What is shorter or longer counts as this; about six hundred buckets lie between."""

_LOG_RATIO = math.log(RATIO)


def bucket(milliseconds: float) -> int:
    """The number of the bucket that a duration falls into."""
    return math.ceil(math.log(min(max(milliseconds, SHORTEST_MS), LONGEST_MS)) / _LOG_RATIO)


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration in milliseconds that this share of the counted ones does not exceed; None where none are counted."""
    rank, seen = max(1, math.ceil(share * sum(counts.values()))), 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= rank:
            return float(2 * RATIO**number / (1 + RATIO))
    return None
