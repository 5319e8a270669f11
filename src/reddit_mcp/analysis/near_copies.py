"""Texts that say the same in almost the same words: templates, crossposts, what bots repeat.

Source: A. Broder, "On the resemblance and containment of documents", SEQUENCES 1997.
"""

from collections.abc import Sequence

from reddit_mcp.analysis.prose import words

_SHINGLE = 3  # words
_LEAST_WORDS = 8  # many people say the same in fewer
_MOST_WORDS = 600
_ALIKE = 0.6  # the share of shingles in common, of all in both


def originals(texts: Sequence[str]) -> list[int]:
    """Return the indexes of the texts that are no near-copies of an earlier one."""
    kept: list[int] = []
    seen: list[frozenset[int]] = []
    for index, text in enumerate(texts):
        shingles = _shingles(text)
        if not shingles or not any(_alike(shingles, other) for other in seen):
            kept.append(index)
            if shingles:
                seen.append(shingles)
    return kept


def _shingles(text: str) -> frozenset[int]:
    found = words(text)[:_MOST_WORDS]
    if len(found) < _LEAST_WORDS:
        return frozenset()
    return frozenset(hash(tuple(found[start : start + _SHINGLE])) for start in range(len(found) - _SHINGLE + 1))


def _alike(one: frozenset[int], other: frozenset[int]) -> bool:
    shorter, longer = sorted((len(one), len(other)))
    if shorter < _ALIKE * longer:
        return False
    common = len(one & other)
    return common >= _ALIKE * (len(one) + len(other) - common)
