"""Sentiment by VADER: a lexicon with rules, made for social media.

Source: C. J. Hutto and E. Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media
Text", ICWSM 2014.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from reddit_mcp.analysis.prose import own_text, prose
from reddit_mcp.models import Comment, Post, Value

Label = Literal["positive", "neutral", "negative"]

LABELS: tuple[Label, ...] = ("positive", "neutral", "negative")
CONFIDENCE_MEANING = (
    "Lower end of the 95 % Wilson interval of the share of items whose own label is the overall label "
    "(0 to 1; few items or divided ones give a low value); the lexicon is English, other languages read as neutral."
)

_THRESHOLD = 0.05  # published with VADER for its compound score
_MOST_WORDS = 600
_Z_95 = 1.96


class Scored(Value):
    """A post or comment with the sentiment of what its author wrote, from -1 to 1."""

    id: str
    text: str
    score: float
    permalink: str = ""


class Distribution(Value):
    """The share of items of each label; the shares of any items sum to 1."""

    positive: float = 0.0
    neutral: float = 0.0
    negative: float = 0.0


class Overall(Value):
    """The sentiment of many items: the plain mean of their scores, its label, and how far the items agree with it."""

    score: float = 0.0
    label: Label = "neutral"
    confidence: float = 0.0
    distribution: Distribution = Distribution()


class SentimentAnalyzer:
    """VADER with its lexicon in memory (13 ms to load, 2 MB); safe to share between threads."""

    def __init__(self) -> None:
        self._vader = _LocalVader()

    def score(self, text: str) -> float:
        """Return VADER's compound score, from -1 to 1, of the first 600 words (an emoji counts as its name's words)."""
        names = {ord(char): f" {self._vader.emojis[char]}" for char in set(text) if char in self._vader.emojis}
        spelled = text.translate(names).split(maxsplit=_MOST_WORDS)
        return float(self._vader.polarity_scores(" ".join(spelled[:_MOST_WORDS]))["compound"])

    def read(self, items: Iterable[Post | Comment]) -> list[Scored]:
        """Score each item by its author's own sentences; an item without any (deleted, a bare link) is left out."""
        scored = []
        for item in items:
            text = own_text(item)
            said = prose(text)
            if said.strip():
                scored.append(Scored(id=item.id, text=text, score=self.score(said), permalink=item.permalink))
        return scored


class _LocalVader(SentimentIntensityAnalyzer):  # type: ignore[misc]  # the package has no types
    """VADER whose rules see only the words that they read.

    Upstream's rules lower the whole text again for each word, which is quadratic. They look three words back and two
    ahead; every score stays the same.
    """

    @staticmethod
    def _negation_check(valence: float, words: Sequence[str], start_i: int, i: int) -> float:
        first = max(0, i - 3)
        near = words[first : i + 1]
        return float(SentimentIntensityAnalyzer._negation_check(valence, near, start_i, i - first))  # noqa: SLF001

    @staticmethod
    def _special_idioms_check(valence: float, words: Sequence[str], i: int) -> float:
        near = words[i - 3 : i + 3]  # upstream asks only where three words stand before
        return float(SentimentIntensityAnalyzer._special_idioms_check(valence, near, 3))  # noqa: SLF001


def label(score: float) -> Label:
    """Return a score's label by VADER's published thresholds."""
    if score >= _THRESHOLD:
        return "positive"
    return "negative" if score <= -_THRESHOLD else "neutral"


def mean(scored: Sequence[Scored]) -> float:
    """Return the plain mean of the scores, one vote for each item, 0 without items."""
    return round(math.fsum(item.score for item in scored) / max(len(scored), 1), 4) + 0.0


def summarize(scored: Sequence[Scored]) -> Overall:
    """Return the overall sentiment; without items it is neutral, with confidence and shares of 0."""
    if not scored:
        return Overall()
    score = mean(scored)
    counts = Counter(label(item.score) for item in scored)
    return Overall(
        score=score,
        label=label(score),
        confidence=round(_wilson_lower(counts[label(score)], len(scored)), 3),
        distribution=_shares(counts),
    )


def most_positive(scored: Sequence[Scored], count: int = 3) -> list[Scored]:
    """Return the items of the highest scores, best first; only such as are positive."""
    return sorted((item for item in scored if label(item.score) == "positive"), key=lambda item: -item.score)[:count]


def most_negative(scored: Sequence[Scored], count: int = 3) -> list[Scored]:
    """Return the items of the lowest scores, worst first; only such as are negative."""
    return sorted((item for item in scored if label(item.score) == "negative"), key=lambda item: item.score)[:count]


def _shares(counts: Counter[Label]) -> Distribution:
    """Round to thousandths by the largest remainder, so that the sum stays 1."""
    total = counts.total()
    parts = {name: divmod(counts[name] * 1000, total) for name in LABELS}
    missing = 1000 - sum(whole for whole, _ in parts.values())
    lifted = sorted(LABELS, key=lambda name: -parts[name][1])[:missing]
    return Distribution(**{name: (parts[name][0] + (name in lifted)) / 1000 for name in LABELS})


def _wilson_lower(hits: int, total: int) -> float:
    """E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927."""
    share, square = hits / total, _Z_95**2 / total
    middle = share + square / 2
    spread = _Z_95 * math.sqrt(share * (1 - share) / total + square / (4 * total))
    return max(0.0, (middle - spread) / (1 + square))
