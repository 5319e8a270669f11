"""Buckets of durations: how near a quantile of merged counts comes to the exact one."""

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.metering.latency_buckets import ERROR, LONGEST_MS, SHORTEST_MS, bucket, quantile

DURATIONS = st.floats(SHORTEST_MS, LONGEST_MS)


def exact(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


@given(
    st.lists(st.lists(DURATIONS, max_size=50), min_size=3, max_size=3).filter(any), st.sampled_from((0.5, 0.95, 0.99))
)
def test_a_quantile_of_three_replicas_is_near_the_exact_one(replicas: list[list[float]], share: float) -> None:
    merged = sum((Counter(map(bucket, values)) for values in replicas), Counter[int]())
    found = quantile(merged, share)
    assert found == pytest.approx(exact([ms for values in replicas for ms in values], share), rel=ERROR * 1.0001)


def test_many_ordinary_durations() -> None:
    chance = random.Random(7)
    values = [chance.lognormvariate(3, 1.5) for _ in range(20_000)]
    counts = Counter(map(bucket, values))
    assert quantile(counts, 0.95) == pytest.approx(exact(values, 0.95), rel=ERROR * 1.0001)
    assert len(counts) < 400


def test_nothing_has_no_quantile() -> None:
    assert quantile({}, 0.95) is None


@pytest.mark.parametrize("wild", [0.0, -1.0, 1e12])
def test_the_number_of_buckets_is_bounded(wild: float) -> None:
    assert bucket(SHORTEST_MS) <= bucket(wild) <= bucket(LONGEST_MS)
    assert bucket(LONGEST_MS) - bucket(SHORTEST_MS) < 600
