"""Reddit's orders give the numbers that the formulas give."""

import math
from typing import Any

import pytest

from reddit_mcp.archive.sqlite.rank_formulas import confidence, controversy, hot, post_votes

REDDITS_ZERO = 1_134_028_003
Z = 1.281551565545


@pytest.mark.parametrize(
    ("score", "age", "value"),
    [(1, 0, 0.0), (10, 0, 1.0), (-10, 0, -1.0), (0, 0, 0.0), (1000, 45_000, 4.0), (1, 12.5 * 3600, 1.0)],
)
def test_hot(score: int, age: float, value: float) -> None:
    assert hot(score, int(REDDITS_ZERO + age)) == round(value * 1e7)


@pytest.mark.parametrize(
    ("votes", "value"),
    [((10, 10), 20.0), ((9, 3), 12 ** (1 / 3)), ((3, 9), 12 ** (1 / 3)), ((9, 0), 0.0), ((0, 9), 0.0)],
)
def test_controversy(votes: tuple[float, float], value: float) -> None:
    assert controversy(votes) == pytest.approx(value)


def test_confidence_is_wilsons_lower_bound() -> None:
    assert confidence((1, 0)) == pytest.approx(1 / (1 + Z * Z))
    assert confidence((100, 100)) == pytest.approx(0.5 - Z / (2 * math.sqrt(200 + Z * Z)))
    assert confidence((0, 5)) == pytest.approx(0.0)
    assert confidence((0, 0)) == 0.0


@pytest.mark.parametrize(
    ("data", "votes"),
    [
        ({"score": 50, "upvote_ratio": 0.75}, (75, 25)),
        ({"score": 50, "upvote_ratio": 1.0}, (50, 0)),
        ({"score": 0, "upvote_ratio": 0.5}, (1, 1)),
        ({"score": 0, "upvote_ratio": 0.25}, (1, 3)),
        ({"score": 7}, (7, 0)),
        ({"score": -7}, (0, 7)),
        ({"score": 5, "ups": 25, "downs": 20}, (25, 20)),
        ({}, (0, 0)),
        ({"score": "many", "upvote_ratio": "half", "downs": []}, (0, 0)),
    ],
)
def test_post_votes(data: dict[str, Any], votes: tuple[float, float]) -> None:
    assert post_votes(data) == pytest.approx(votes)
