"""A sparse linear model of sentiment: its weights lie in the package, scoring them is plain arithmetic.

How it was trained, on what, and how often it is right: docs/sentiment.md.
"""

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from reddit_mcp.analysis.sentiment_features import features
from reddit_mcp.analysis.vader import Vader

MODEL = "goemotions-l1-1"
"""The name of the model, with the version of its weights."""

_LONGEST_PIECE = 60  # words; the training data are short, and many words at once make a model too sure
_MOST_WORDS = 600
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


class Probabilities(NamedTuple):
    """The calibrated probabilities of the three labels; their sum is 1."""

    positive: float
    neutral: float
    negative: float


class SentimentModel:
    """The model of the package (0.1 MB of weights, read once a process); safe to share between threads."""

    def __init__(self) -> None:
        self.vader = Vader()

    def probabilities(self, text: str) -> Probabilities:
        """Return the probabilities of a text; of a long one, the mean over the sentences of its first 600 words."""
        found = [self._piece(piece) for piece in _pieces(text)]
        return Probabilities(*(math.fsum(column) / len(found) for column in zip(*found, strict=True)))

    def _piece(self, text: str) -> Probabilities:
        weights, none = _weights(), (0.0, 0.0, 0.0)
        positive = neutral = negative = 0.0
        for name, value in features(text, self.vader.scores(text)).items():
            first, second, third = weights.get(name, none)
            positive += first * value
            neutral += second * value
            negative += third * value
        return softmax(positive, neutral, negative)


def softmax(positive: float, neutral: float, negative: float) -> Probabilities:
    """Return the probabilities that belong to three scores."""
    top = max(positive, neutral, negative)
    powers = [math.exp(score - top) for score in (positive, neutral, negative)]
    total = sum(powers)
    return Probabilities(*(power / total for power in powers))


@cache
def _weights() -> dict[str, tuple[float, float, float]]:
    lines = files(__package__).joinpath(f"{MODEL}.json").read_text(encoding="utf-8")
    return {name: (weights[0], weights[1], weights[2]) for name, weights in json.loads(lines)["weights"].items()}


def _pieces(text: str) -> list[str]:
    """Return a short text whole, and the sentences of a long one, a very long sentence cut."""
    words = text.split(maxsplit=_MOST_WORDS)[:_MOST_WORDS]
    if len(words) <= _LONGEST_PIECE:
        return [" ".join(words)]
    kept = text if len(words) < _MOST_WORDS else _beginning(text, words)
    return [piece for sentence in _SENTENCE_END.split(kept) for piece in _chunks(sentence)]


def _beginning(text: str, words: list[str]) -> str:
    return text[: sum(map(len, words)) + len(words)]


def _chunks(sentence: str) -> Iterator[str]:
    words = sentence.split()
    for start in range(0, len(words), _LONGEST_PIECE):
        yield " ".join(words[start : start + _LONGEST_PIECE])
