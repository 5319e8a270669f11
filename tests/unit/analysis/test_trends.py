import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.analysis.trends import Place, Sample, Trends, split, trending
from reddit_mcp.models import Post


@pytest.fixture(scope="module")
def analyzer() -> SentimentAnalyzer:
    return SentimentAnalyzer()


def posts(*titles: str, start: int = 0, author: str | None = None) -> list[Post]:
    return [
        Post(id=f"p{start + number}", title=title, author=author or f"writer{number}", subreddit="news", score=number)
        for number, title in enumerate(titles)
    ]


def keywords(trends: Trends) -> list[str]:
    return [trend.keyword for trend in trends.trending_topics]


def noise(count: int, start: int = 0) -> list[str]:
    return [f"filler{start + number}x" for number in range(count)]


def test_a_planted_rise_comes_first_and_the_ever_frequent_is_ignored(analyzer: SentimentAnalyzer) -> None:
    before = posts(*noise(160), *["weather report"] * 40, start=1000)
    now = posts(*noise(30, 500), *["weather report"] * 10, *["Mars rover lands"] * 10)
    trends = trending(now, before, analyzer)
    assert keywords(trends) == ["mars rover lands"]
    assert trends.posts_analyzed == 250
    assert trends.unique_keywords == 160 + 30 + 3 + 6


def test_growth_and_score_are_as_defined(analyzer: SentimentAnalyzer) -> None:
    before = posts(*noise(98), *["eclipse"] * 2, start=1000)
    now = posts(*noise(40), *["eclipse"] * 10)
    [trend] = trending(now, before, analyzer).trending_topics
    assert trend.mentions == 10
    assert trend.growth_rate == 8.4  # (10.5 / 50) / (2.5 / 100)
    assert trend.score == 13.98  # 2 Σ observed ln(observed / expected) over the table 10, 40, 2, 98


def test_a_falling_topic_is_not_reported(analyzer: SentimentAnalyzer) -> None:
    assert keywords(trending(posts(*["eclipse"] * 3, *noise(30)), posts(*["eclipse"] * 9, start=99), analyzer)) == []


def test_a_rise_within_the_smoothing_is_not_reported(analyzer: SentimentAnalyzer) -> None:
    now = posts(*["eclipse"] * 3, *noise(97))
    assert keywords(trending(now, posts(*noise(10), start=900), analyzer)) == []
    assert keywords(trending(now, posts(*noise(100), start=900), analyzer)) == ["eclipse"]


def test_two_mentions_are_not_enough(analyzer: SentimentAnalyzer) -> None:
    before = posts(*noise(50), start=100)
    assert keywords(trending(posts(*["eclipse"] * 2, *noise(20)), before, analyzer)) == []
    assert keywords(trending(posts("eclipse eclipse eclipse", *noise(20)), before, analyzer)) == []


def test_one_author_makes_no_trend(analyzer: SentimentAnalyzer) -> None:
    before = posts(*noise(50), start=100)
    spam = posts(*["eclipse"] * 8, author="spammer")
    assert keywords(trending(spam, before, analyzer)) == []
    assert keywords(trending([*spam, *posts("eclipse", start=50)], before, analyzer)) == ["eclipse"]


def test_unknown_authors_do_not_hide_a_trend(analyzer: SentimentAnalyzer) -> None:
    now = posts(*["eclipse"] * 3, author="[deleted]")
    assert keywords(trending(now, posts(*noise(50), start=100), analyzer)) == ["eclipse"]


def test_deleted_titles_are_no_topic(analyzer: SentimentAnalyzer) -> None:
    assert keywords(trending(posts(*["[deleted by user]"] * 5), posts(*noise(50), start=100), analyzer)) == []


def test_the_examples_are_the_best_posts_and_places(analyzer: SentimentAnalyzer) -> None:
    places = ["b", "b", "a", "a", "c", "d", ""]
    scores = [5, None, 70, 9, 70, -3, 0]
    now = [
        Post(id=f"p{n}", title="I love the eclipse", author=f"w{n}", subreddit=place, score=score)
        for n, (place, score) in enumerate(zip(places, scores, strict=True))
    ]
    [trend] = trending(now, posts(*noise(50), start=100), analyzer).trending_topics
    assert trend.top_subreddits == (
        Place(name="a", mentions=2),
        Place(name="b", mentions=2),
        Place(name="c", mentions=1),
    )
    assert trend.sample_posts == tuple(
        Sample(id=i, title="I love the eclipse", score=s) for i, s in (("p2", 70), ("p4", 70), ("p3", 9))
    )
    assert trend.sentiment > 0.5


def test_sentiment_reads_the_text_below_the_title(analyzer: SentimentAnalyzer) -> None:
    now = [post.model_copy(update={"selftext": "a terrible awful disaster"}) for post in posts(*["eclipse"] * 3)]
    [trend] = trending(now, posts(*noise(50), start=100), analyzer).trending_topics
    assert trend.sentiment < -0.5


def test_without_a_previous_window_the_background_is_even(analyzer: SentimentAnalyzer) -> None:
    trends = trending(posts(*noise(20), *["eclipse"] * 6, *["comet"] * 4), [], analyzer)
    assert keywords(trends) == ["eclipse", "comet"]
    assert trends.posts_analyzed == 30


def test_all_alike_is_no_rise(analyzer: SentimentAnalyzer) -> None:
    assert keywords(trending(posts(*["eclipse"] * 5), [], analyzer)) == []
    assert keywords(trending(posts(*["eclipse"] * 5), posts(*["eclipse"] * 5, start=50), analyzer)) == []


def test_ties_are_alphabetical_and_the_limit_holds(analyzer: SentimentAnalyzer) -> None:
    now = posts(*[title for title in ("zebra", "apple", "mango") for _ in range(3)])
    before = posts(*noise(50), start=100)
    assert keywords(trending(now, before, analyzer)) == ["apple", "mango", "zebra"]
    assert keywords(trending(now, before, analyzer, limit=2)) == ["apple", "mango"]


@pytest.mark.parametrize("title", ["東京大学", "Выборы президента", "انتخابات الرئاسة", "चुनाव परिणाम"])
def test_any_script_can_trend(analyzer: SentimentAnalyzer, title: str) -> None:
    assert keywords(trending(posts(*[title] * 4), posts(*noise(50), start=100), analyzer)) == [title.casefold()]


def test_the_order_of_posts_does_not_matter(analyzer: SentimentAnalyzer) -> None:
    now = posts(*[f"{first} {second}" for first in ("solar", "lunar") for second in ("eclipse", "probe", "storm")] * 3)
    before = posts(*noise(40), start=100)
    expected = trending(now, before, analyzer)
    shuffled = random.Random(7).sample(now, len(now))
    assert trending(shuffled, before, analyzer) == expected


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=12), st.lists(st.text(max_size=30), max_size=12))
def test_any_titles_are_survived(analyzer: SentimentAnalyzer, now: list[str], before: list[str]) -> None:
    trends = trending(posts(*now), posts(*before, start=100), analyzer)
    for trend in trends.trending_topics:
        assert trend.mentions >= 3
        assert trend.growth_rate >= 1
        assert trend.score >= 0
        assert len(trend.sample_posts) == 3


def timed(*times: int | None) -> list[Post]:
    return [Post(id=f"t{number}", created_utc=time) for number, time in enumerate(times)]


def test_split_halves_at_the_median_time() -> None:
    listing = timed(40, 10, 30, 20)
    assert split(listing) == ([listing[0], listing[2]], [listing[1], listing[3]])


def test_split_keeps_one_second_together() -> None:
    current, previous = split(timed(1, 5, 5, 5, 9))
    assert [post.created_utc for post in current] == [5, 5, 5, 9]
    assert [post.created_utc for post in previous] == [1]
    assert [len(half) for half in split(timed(5, 5, 5))] == [3, 0]


def test_split_drops_the_undated_and_the_repeated() -> None:
    listing = timed(10, 20, None)
    assert [len(half) for half in split([*listing, *listing])] == [1, 1]
    assert split(timed(None)) == ([], [])
    assert split([]) == ([], [])
