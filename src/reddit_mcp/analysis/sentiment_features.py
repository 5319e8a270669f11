"""What the sentiment model sees of a text: its words, their pairs, its punctuation, and VADER's scores."""

import math
import re
from collections.abc import Iterator
from itertools import pairwise

from reddit_mcp.analysis.vader import VaderScores

_TOKEN = re.compile(r"\[[a-z]+\]|[^\W_]+(?:'[^\W_]+)*|[!?]+|\.{2,}|[:;=][-']?[)(dp/|]|[^\w\s.,'\"\-]")
_NEGATION = frozenset("no not never nothing nobody none neither nor cannot cant wont dont without hardly".split())
_LONGEST_RUN = 2
_NEGATION_REACH = 3
_STEM = 5  # letters
_USUAL_LENGTH = 12  # tokens; each counts for more in a shorter text
_MASK = re.compile(r"\[[a-z]+\]")  # the training data's names of people


def tokens(text: str) -> list[str]:
    """Return the words, marks and emoji of a text in lower case, a run of marks cut to two."""
    found = _TOKEN.findall(text.lower())
    return [token if token[0].isalnum() else token[:_LONGEST_RUN] for token in found if not _MASK.fullmatch(token)]


def features(text: str, vader: VaderScores) -> dict[str, float]:
    """Return the features of a text that are not 0; names in capitals are measures or marked words."""
    words = tokens(text)
    value = math.sqrt(_USUAL_LENGTH / len(words)) if words else 0.0
    found = dict.fromkeys(words, value)
    for first, second in pairwise(["^", *words, "$"]):
        found[f"{first} {second}"] = value
    found.update((f"STEM {word[:_STEM]}", value) for word in words if len(word) > _STEM)
    found.update((f"NOT {word}", value) for word in _negated(words))
    found.update(_measures(text, words, vader))
    return found


def _negated(words: list[str]) -> Iterator[str]:
    """Yield the words that stand at most three after a negation, before any mark."""
    left = 0
    for word in words:
        if word in _NEGATION or word.endswith("n't"):
            left = _NEGATION_REACH
        elif not word[0].isalnum():
            left = 0
        elif left:
            yield word
            left -= 1


def _measures(text: str, words: list[str], vader: VaderScores) -> dict[str, float]:
    compound, positive, neutral, negative = vader
    return {
        "BIAS": 1.0,
        "COMPOUND": compound,
        "RISE": max(compound, 0.0),
        "POSITIVE": positive,
        "NEUTRAL": neutral,
        "NEGATIVE": negative,
        "SILENT": float(compound == 0),
        "LENGTH": min(len(words), 60) / 30,
        "SHOUT": float(text.isupper()),
        "NEGATION": float(any(word in _NEGATION or word.endswith("n't") for word in words)),
        "QUESTION": float(text.rstrip().endswith("?")),
    }
