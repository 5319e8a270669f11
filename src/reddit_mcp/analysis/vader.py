"""VADER's scores, unchanged and fast.

Source: C. J. Hutto and E. Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media
Text", ICWSM 2014.
"""

from collections.abc import Sequence
from typing import NamedTuple

from vaderSentiment.vaderSentiment import BOOSTER_DICT, SentimentIntensityAnalyzer, SentiText


class VaderScores(NamedTuple):
    """VADER's compound score (-1 to 1), and the shares of a text that are positive, neutral and negative."""

    compound: float
    positive: float
    neutral: float
    negative: float


class Vader(SentimentIntensityAnalyzer):  # type: ignore[misc]  # the package has no types
    """VADER that looks closer only at words of its lexicon; all others are worth nothing by its own rules.

    Upstream's rules lower the whole text again for each word, which is quadratic. They look three words back and two
    ahead; every score stays the same.
    """

    def scores(self, text: str) -> VaderScores:
        """Return the four scores of a text (an emoji counts as its name's words)."""
        spelled = text if text.isascii() else self._without_emojis(text)
        sentitext = SentiText(spelled.strip())
        words: list[str] = sentitext.words_and_emoticons
        valences: list[float] = []
        for index, word in enumerate(map(str.lower, words)):
            if word not in self.lexicon or word in BOOSTER_DICT or _is_kind_of(words, index, word):
                valences.append(0)
            else:
                self.sentiment_valence(0, sentitext, words[index], index, valences)
        weighed = self._but_check(words, valences) if "but" in spelled.lower() else valences
        found = self.score_valence(weighed, spelled)
        return VaderScores(found["compound"], found["pos"], found["neu"], found["neg"])

    def _without_emojis(self, text: str) -> str:
        return text.translate({ord(char): f" {self.emojis[char]}" for char in set(text) if char in self.emojis})

    @staticmethod
    def _negation_check(valence: float, words: Sequence[str], start_i: int, i: int) -> float:
        first = max(0, i - 3)
        near = words[first : i + 1]
        return float(SentimentIntensityAnalyzer._negation_check(valence, near, start_i, i - first))  # noqa: SLF001

    @staticmethod
    def _special_idioms_check(valence: float, words: Sequence[str], i: int) -> float:
        near = words[i - 3 : i + 3]  # upstream asks only where three words stand before
        return float(SentimentIntensityAnalyzer._special_idioms_check(valence, near, 3))  # noqa: SLF001


def _is_kind_of(words: Sequence[str], index: int, word: str) -> bool:
    return word == "kind" and index + 1 < len(words) and words[index + 1].lower() == "of"
