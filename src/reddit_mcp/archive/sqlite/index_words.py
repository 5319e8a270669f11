"""What a word is, for the index and for a query alike, in every script.

Words are folded: case, Latin, Greek and Cyrillic accents, Arabic and Hebrew points and compatibility forms do not
count. Scripts written without blanks (Chinese, Japanese, Thai, ...) and Korean, whose particles stick to the noun, have
no word limits to go by: there each pair of neighbouring characters is a word, the usual way to search them. The last
character of a run stands alone, so that every character begins a word. An emoji is a word.
"""

import re
import unicodedata
from collections.abc import Sequence

_POINTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u200c-\u200f\ufe00-\ufe0f]")
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han, kana
    "\uac00-\ud7af"  # Hangul
)
_EMOJI = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_INDIC = "\u0900-\u0963\u0966-\u0dff"  # their vowel signs are no letters for `\w`
_WORD = re.compile(rf"[{_UNSPACED}]+|[{_EMOJI}]|(?:[{_INDIC}]+|[^\W_{_UNSPACED}{_EMOJI}\ue000-\uf8ff]+)+")
_ASCII_WORD = re.compile("[a-z0-9]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")


_STROKES = str.maketrans(
    {
        "\u0131": "i",
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ŀ": "l",
    }
)
"""Letters that Unicode does not take apart, as people type them who have no key for them."""


def fold(text: str) -> str:
    """The text without what does not count when searching."""
    if text.isascii():
        return text.lower()
    bare = _POINTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFKC", bare.casefold()).translate(_STROKES)


def runs(text: str) -> list[str]:
    """The folded words as written; unspaced scripts in whole runs."""
    folded = fold(text)
    return (_ASCII_WORD if folded.isascii() else _WORD).findall(folded)


def words(text: str) -> list[str]:
    """The folded words as indexed; unspaced scripts in pairs, and the last character of a run."""
    written = runs(text)
    if text.isascii():
        return written
    found: list[str] = []
    for run in written:
        found += [*pairs(run), run[-1]] if is_unspaced(run) else [run]
    return found


def is_unspaced(run: str) -> bool:
    """Whether a run is of a script that is indexed in pairs."""
    return _IS_UNSPACED.match(run) is not None


def pairs(run: str) -> list[str]:
    """Each two neighbouring characters."""
    return [run[at : at + 2] for at in range(len(run) - 1)]


def sequence(found: Sequence[str]) -> str:
    """The runs of a text as one string, in which a `phrase` is a substring."""
    return "\0".join(["", *found, ""])


def phrase(found: Sequence[str]) -> str:
    """Runs that stand next to each other: a spaced word has limits, an unspaced run may go on at either end."""
    start, end = ("" if is_unspaced(run) else "\0" for run in (found[0], found[-1]))
    return start + "\0".join(found) + end
