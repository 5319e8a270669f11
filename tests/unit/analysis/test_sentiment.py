import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from vaderSentiment import vaderSentiment as upstream  # noqa: N813 - the package in its own spelling says less

from reddit_mcp.analysis.prose import prose
from reddit_mcp.analysis.sentiment import (
    CONFIDENCE_MEANING,
    LABELS,
    Overall,
    Scored,
    SentimentAnalyzer,
    mean,
    most_negative,
    most_positive,
    summarize,
    without_copies,
)
from reddit_mcp.analysis.sentiment_model import Probabilities
from reddit_mcp.models import Comment, Post

CORPUS = Path(os.environ.get("TEST_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
LABELLED = CORPUS / "sentiment" / "goemotions_dev.jsonl"
TELLING = [
    *upstream.NEGATE,
    *upstream.BOOSTER_DICT,
    *upstream.SPECIAL_CASES,
    *[
        "great",
        "GOOD",
        "Bad",
        "awful",
        "love",
        "HATE",
        "no",
        "least",
        "at",
        "very",
        "or",
        "nor",
        "but",
        "kind of",
        "doubt",
    ],
    *[
        "so",
        "this",
        "without",
        "never",
        "shit",
        "bomb",
        "right",
        "die",
        "book",
        "the",
        "x",
        "12",
        "!!!",
        "??",
        ":)",
        "\U0001f600",
    ],
    *["\u2764\ufe0f", "\U0001f622", "don't", "BUT", "\n", "", ",", "(sad)"],
]


@pytest.fixture(scope="module")
def analyzer() -> SentimentAnalyzer:
    return SentimentAnalyzer()


@pytest.fixture(scope="module")
def vader() -> upstream.SentimentIntensityAnalyzer:
    return upstream.SentimentIntensityAnalyzer()


def scored(*scores: float) -> list[Scored]:
    return [Scored(id=str(number), text="", probabilities=of(score)) for number, score in enumerate(scores)]


def of(score: float) -> Probabilities:
    """Probabilities that make this score."""
    return Probabilities(max(score, 0.0), 1 - abs(score), max(-score, 0.0))


def test_scores_are_upstreams_on_recorded_comments(
    analyzer: SentimentAnalyzer, vader: upstream.SentimentIntensityAnalyzer
) -> None:
    if not LABELLED.exists():
        pytest.skip(f"the test corpus is not at {CORPUS} (set TEST_CORPUS)")
    by_label = defaultdict(list)
    for line in LABELLED.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        score = analyzer.compound(record["text"])
        assert score == vader.polarity_scores(prose(record["text"]))["compound"], record["id"]
        by_label[record["sentiment"]].append(score)
    assert sum(map(len, by_label.values())) > 5_000
    assert fmean(by_label["positive"]) > 0.35
    assert fmean(by_label["negative"]) < -0.05


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(TELLING), st.text(max_size=5)), max_size=60),
    st.sampled_from([" ", "", "\t", "  "]),
)
@example(["so", "this", "never", "great"], " ")
def test_scores_are_upstreams_on_any_text(
    analyzer: SentimentAnalyzer, vader: upstream.SentimentIntensityAnalyzer, parts: list[str], gap: str
) -> None:
    text = gap.join(parts)
    assert analyzer.compound(text) == vader.polarity_scores(prose(text))["compound"]


def test_each_rule_reads_only_the_words_near_it(analyzer: SentimentAnalyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def check(valence: float, words: Sequence[str], *_: int) -> float:
        sizes.append(len(words))
        return valence

    monkeypatch.setattr(upstream.SentimentIntensityAnalyzer, "_negation_check", staticmethod(check))
    monkeypatch.setattr(upstream.SentimentIntensityAnalyzer, "_special_idioms_check", staticmethod(check))
    analyzer.compound("this is not a very great film but i love it " * 50)
    assert len(sizes) > 100
    assert max(sizes) <= 6


def test_only_the_first_600_words_are_judged(analyzer: SentimentAnalyzer) -> None:
    said = "I love this. " * 200
    assert analyzer.read([Comment(id="x", body=said + "I hate this, it is awful. " * 100)])[0].score > 0.8


def test_emoji_have_a_mood(analyzer: SentimentAnalyzer) -> None:
    assert analyzer.compound("\U0001f600") > 0.3
    assert analyzer.compound("\U0001f622") < -0.3


def test_importing_and_loading_is_silent() -> None:
    code = "from reddit_mcp.analysis.sentiment import SentimentAnalyzer; SentimentAnalyzer()"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_items_are_read_by_the_authors_own_words(analyzer: SentimentAnalyzer) -> None:
    items: list[Post | Comment] = [
        Post(id="p", title="I love this", selftext="[removed]", permalink="https://www.reddit.com/p"),
        Comment(id="q", body="> I hate this, awful, terrible\n\nI don\u2019t like it"),
        Comment(id="gone", body="[deleted]"),
        Comment(id="bare", body="https://example.com/great"),
    ]
    loved, disliked = analyzer.read(items)
    assert (loved.id, loved.text, loved.permalink) == ("p", "I love this", "https://www.reddit.com/p")
    assert loved.score > 0.5
    assert disliked.text.startswith("> I hate")
    assert disliked.score < 0


def test_an_item_has_its_likeliest_label() -> None:
    assert [item.label for item in scored(0.6, 0.4, 0.0, -0.4, -0.6)] == [
        "positive",
        "neutral",
        "neutral",
        "neutral",
        "negative",
    ]


def test_nothing_read_is_neutral_without_confidence() -> None:
    assert summarize([]) == Overall()
    assert Overall().model_dump() == {
        "score": 0.0,
        "label": "neutral",
        "confidence": 0.0,
        "distribution": {"positive": 0.0, "neutral": 0.0, "negative": 0.0},
        "interval": {"positive": (0.0, 1.0), "neutral": (0.0, 1.0), "negative": (0.0, 1.0)},
    }
    assert mean([]) == 0


def test_overall_is_the_plain_mean_with_its_label() -> None:
    overall = summarize(scored(0.8, 0.6, -0.8))
    assert overall.score == 0.2
    assert overall.label == "positive"
    assert overall.distribution.model_dump() == {"positive": 0.667, "neutral": 0.0, "negative": 0.333}


def test_confidence_is_the_mean_probability_of_the_label() -> None:
    assert summarize(scored(0.9)).confidence == 0.9
    assert summarize(scored(0.9, 0.7, -0.1)).confidence == pytest.approx(1.6 / 3, abs=1e-3)
    assert "sure" in CONFIDENCE_MEANING


def test_the_interval_is_wilsons() -> None:
    # 8 of 10: the interval that Wilson's formula gives is 0.490 to 0.943
    assert summarize(scored(*[0.9] * 8, -0.9, -0.9)).interval.positive == (0.49, 0.943)


def test_near_copies_count_once() -> None:
    template = "welcome to the weekly thread where everybody may ask anything about the language number {}"
    items = [Comment(id=str(n), author=f"a{n}", body=template.format(n)) for n in range(4)]
    items.append(Comment(id="own", body="an entirely different remark by somebody who has thought about it"))
    read = SentimentAnalyzer().read(items)
    assert [item.id for item in without_copies(read)] == ["0", "own"]


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60))
def test_summaries_keep_their_bounds(scores: list[float]) -> None:
    overall = summarize(scored(*scores))
    shares = [getattr(overall.distribution, name) for name in LABELS]
    assert sum(shares) == pytest.approx(1, abs=1e-9)
    assert all(share == round(share, 3) >= 0 for share in shares)
    assert 0 <= overall.confidence <= 1
    assert min(scores) - 1e-4 <= overall.score <= max(scores) + 1e-4
    assert all(0 <= low <= high <= 1 for low, high in overall.interval.model_dump().values())


def test_thirds_sum_to_one() -> None:
    assert summarize(scored(0.6, 0.0, -0.6)).distribution.model_dump() == {
        "positive": 0.334,
        "neutral": 0.333,
        "negative": 0.333,
    }


def test_extremes_are_really_positive_or_negative() -> None:
    items = scored(0.9, 0.1, 0.6, 0.7, 0.0, -0.04, -0.6, -0.8)
    assert [item.score for item in most_positive(items)] == [0.9, 0.7, 0.6]
    assert [item.score for item in most_negative(items)] == [-0.8, -0.6]


def test_equal_extremes_stay_in_reading_order() -> None:
    assert [item.id for item in most_positive(scored(0.5, 0.5, 0.5, 0.5))] == ["0", "1", "2"]


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), max_size=20))
def test_no_item_is_in_both_extremes(scores: list[float]) -> None:
    items = scored(*scores)
    good, bad = most_positive(items), most_negative(items)
    assert not {item.id for item in good} & {item.id for item in bad}
    assert len(good) <= 3
    assert len(bad) <= 3
