"""Sentiment of posts and comments: the model's judgement of each, and what many of them say together."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from reddit_mcp.analysis.languages import english
from reddit_mcp.analysis.near_copies import originals
from reddit_mcp.analysis.prose import own_text, prose
from reddit_mcp.analysis.sentiment_model import Probabilities, SentimentModel
from reddit_mcp.models import Comment, Post, Value

Label = Literal["positive", "neutral", "negative"]

LABELS: tuple[Label, ...] = ("positive", "neutral", "negative")
CONFIDENCE_MEANING = "share of answers this sure that are right (mean over items)"

_Z_95 = 1.96
_MOST_WORDS = 600


class Scored(Value):
    """A post or comment with the model's probabilities for what its author wrote."""

    id: str
    text: str
    probabilities: Probabilities
    permalink: str = ""
    author: str = "[deleted]"

    @property
    def score(self) -> float:
        """From -1 to 1: how much likelier positive is than negative."""
        return round(self.probabilities.positive - self.probabilities.negative, 4) + 0.0

    @property
    def label(self) -> Label:
        """The likeliest label."""
        return _likeliest(self.probabilities)


class Distribution(Value):
    """The share of items of each label; the shares of any items sum to 1."""

    positive: float = 0.0
    neutral: float = 0.0
    negative: float = 0.0


Interval = tuple[float, float]


class Intervals(Value):
    """The 95 % Wilson interval of each label's share: few items leave it wide."""

    positive: Interval = (0.0, 1.0)
    neutral: Interval = (0.0, 1.0)
    negative: Interval = (0.0, 1.0)


class Overall(Value):
    """The sentiment of many items, one vote each: their mean score, and the label that is likeliest of any of them.

    Attributes:
        confidence: the mean calibrated probability of that label; of one item, the probability that it is right.
    """

    score: float = 0.0
    label: Label = "neutral"
    confidence: float = 0.0
    distribution: Distribution = Distribution()
    interval: Intervals = Intervals()


class Reading(NamedTuple):
    """What was scored, and how many items were skipped because they are not in English."""

    scored: list[Scored]
    skipped: int


class SentimentAnalyzer:
    """The model with its lexicon and weights in memory; safe to share between threads."""

    def __init__(self) -> None:
        self._model = SentimentModel()

    def compound(self, text: str) -> float:
        """Return VADER's own compound score, from -1 to 1, of the first 600 words of a text's prose."""
        words = prose(text).split(maxsplit=_MOST_WORDS)
        return self._model.vader.scores(" ".join(words[:_MOST_WORDS])).compound

    def read(self, items: Iterable[Post | Comment]) -> list[Scored]:
        """Score each English item by its author's own sentences; one without any (deleted, a bare link) is left out."""
        return self.survey(items).scored

    def survey(self, items: Iterable[Post | Comment]) -> Reading:
        """Score the English items, and count the others."""
        written = [(item, text, said) for item in items if (said := prose(text := own_text(item))).strip()]
        verdicts = english([said for _, _, said in written])
        scored = [
            Scored(
                id=item.id,
                text=text,
                probabilities=self._model.probabilities(said),
                permalink=item.permalink,
                author=item.author,
            )
            for (item, text, said), is_english in zip(written, verdicts, strict=True)
            if is_english
        ]
        return Reading(scored, len(written) - len(scored))


def without_copies(scored: Sequence[Scored]) -> list[Scored]:
    """Return the items that are no near-copies of an earlier one."""
    return [scored[index] for index in originals([item.text for item in scored])]


def _likeliest(probabilities: Probabilities) -> Label:
    return LABELS[probabilities.index(max(probabilities))]


def mean(scored: Sequence[Scored]) -> float:
    """Return the plain mean of the scores, one vote for each item, 0 without items."""
    return round(math.fsum(item.score for item in scored) / max(len(scored), 1), 4) + 0.0


def summarize(scored: Sequence[Scored]) -> Overall:
    """Return the overall sentiment; without items it is neutral, with confidence and shares of 0."""
    if not scored:
        return Overall()
    counts = Counter(item.label for item in scored)
    columns = zip(*(item.probabilities for item in scored), strict=True)
    means = Probabilities(*(math.fsum(column) / len(scored) for column in columns))
    return Overall(
        score=mean(scored),
        label=_likeliest(means),
        confidence=round(max(means), 3),
        distribution=_shares(counts),
        interval=Intervals(**{name: _wilson(counts[name], len(scored)) for name in LABELS}),
    )


def most_positive(scored: Sequence[Scored], count: int = 3) -> list[Scored]:
    """Return the items of the highest scores, best first; only such as are positive."""
    return sorted((item for item in scored if item.label == "positive"), key=lambda item: -item.score)[:count]


def most_negative(scored: Sequence[Scored], count: int = 3) -> list[Scored]:
    """Return the items of the lowest scores, worst first; only such as are negative."""
    return sorted((item for item in scored if item.label == "negative"), key=lambda item: item.score)[:count]


def _shares(counts: Counter[Label]) -> Distribution:
    """Round to thousandths by the largest remainder, so that the sum stays 1."""
    total = counts.total()
    parts = {name: divmod(counts[name] * 1000, total) for name in LABELS}
    missing = 1000 - sum(whole for whole, _ in parts.values())
    lifted = sorted(LABELS, key=lambda name: -parts[name][1])[:missing]
    return Distribution(**{name: (parts[name][0] + (name in lifted)) / 1000 for name in LABELS})


def _wilson(hits: int, total: int) -> Interval:
    """E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927."""
    share, square = hits / total, _Z_95**2 / total
    middle = share + square / 2
    spread = _Z_95 * math.sqrt(share * (1 - share) / total + square / (4 * total))
    return round(max(0.0, (middle - spread) / (1 + square)), 3), round(min(1.0, (middle + spread) / (1 + square)), 3)
