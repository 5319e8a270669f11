import pytest

from reddit_mcp.models import Post
from reddit_mcp.watches.polling.engagement import baseline, percentile, reason, velocity

NOW = 1_700_000_000.0


def posts(*scores: int, comments: int = 0, age: int = 36_000) -> list[Post]:
    made = int(NOW) - age
    return [Post(id=f"p{i}", score=score, num_comments=comments, created_utc=made) for i, score in enumerate(scores)]


def a_post(score: int | None = 1, comments: int | None = 0, age: int = 36_000) -> Post:
    made = int(NOW) - age
    return Post(id="a", subreddit="python", score=score, num_comments=comments, created_utc=made)


@pytest.mark.parametrize(
    ("values", "rank", "expected"),
    [
        ([], 90, 0),
        ([7], 90, 7),
        (range(1, 101), 90, 90),
        (range(1, 101), 99, 99),
        (range(1, 11), 90, 9),
        ([3, 1], 50, 1),
    ],
)
def test_percentiles_are_those_of_the_nearest_rank(values: list[int], rank: int, expected: int) -> None:
    assert percentile(values, rank) == expected


@pytest.mark.parametrize(("score", "reaches"), [(89, False), (90, True), (1000, True)])
def test_high_engagement_is_the_90th_percentile_of_the_score(score: int, reaches: bool) -> None:
    known = baseline(posts(*range(1, 101)), NOW)
    why = reason(a_post(score), "high_engagement", known, NOW)
    assert (why is not None) == reaches
    if why:
        expected = f"its score of {score} is at or above 90, the 90th percentile of r/python's last 100 posts"
        assert why == expected


def test_comments_count_too() -> None:
    known = baseline(posts(*range(1, 101), comments=12), NOW)
    why = reason(a_post(comments=12), "high_engagement", known, NOW)
    assert why == "its 12 comments are at or above 12, the 90th percentile of r/python's last 100 posts"
    assert reason(a_post(comments=11), "high_engagement", known, NOW) is None


@pytest.mark.parametrize("threshold", ["high_engagement", "viral"])
def test_in_a_quiet_community_nothing_reaches_a_threshold_by_itself(threshold: str) -> None:
    for known in (baseline(posts(*[1] * 100), NOW), baseline([], NOW)):
        assert reason(a_post(), threshold, known, NOW) is None  # type: ignore[arg-type]
        assert reason(a_post(None, None), threshold, known, NOW) is None  # type: ignore[arg-type]


def test_viral_is_the_99th_percentile() -> None:
    known = baseline(posts(*range(1, 101)), NOW)
    assert reason(a_post(98), "viral", known, NOW) is None
    why = reason(a_post(99), "viral", known, NOW)
    assert why is not None
    assert "99th percentile" in why


def test_speed_makes_viral() -> None:
    known = baseline(posts(*[5000] * 100), NOW)  # 500 points an hour
    why = reason(a_post(300, age=60), "viral", known, NOW)
    assert why == "it gains 600 points an hour, at or above 500, the 99th percentile of r/python's last 100 posts"
    assert reason(a_post(300, age=3600), "viral", known, NOW) is None
    assert reason(a_post(300, age=60), "high_engagement", known, NOW) is None


def test_a_slow_community_asks_for_some_speed_all_the_same() -> None:
    known = baseline(posts(2, 1), NOW)
    assert known.velocity == 20


@pytest.mark.parametrize(("age", "expected"), [(3600, 100), (7200, 50), (0, 200), (-100, 200)])
def test_speed_is_points_an_hour_of_half_an_hour_at_least(age: int, expected: float) -> None:
    assert velocity(a_post(100, age=age), NOW) == expected


def test_a_post_without_a_time_has_a_speed() -> None:
    assert velocity(Post(id="a", score=10), NOW) == 20
