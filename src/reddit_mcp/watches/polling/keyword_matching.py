"""Which keywords stand in a post: whole words and phrases, whatever their case, script or form.

A keyword stands in a text where neither of its ends cuts a word in two: "art" is not in "start". Scripts that set no
space between words have no such ends (Chinese, Japanese, Thai, ...; Korean too, whose particles join the word), so
there a keyword may stand anywhere. Punctuation belongs to a keyword as it is written: c++, #tag, node.js.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator

from reddit_mcp.analysis.prose import written
from reddit_mcp.models import Post

LONGEST_TEXT = 40_000
"""Reddit's own limit of a self text, in characters."""

# Han, kana, Hangul, Thai, Lao, Myanmar, Khmer
_UNSPACED = (
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u3041-\u309f\u30a0-\u30ff\u31f0-\u31ff"
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_RUN = re.compile(rf"[^\W_{_UNSPACED}]+")
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})


def folded(text: str) -> str:
    """The form in which texts and keywords are compared: NFKC, case folded, single spaces, straight quotes."""
    seen = _INVISIBLE.sub("", text[:LONGEST_TEXT])
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    return " ".join(plain.translate(_QUOTES).split())


def stands_in(keyword: str, text: str) -> bool:
    """Whether a keyword stands in a text as whole words; both folded."""
    start = text.find(keyword)
    while keyword and start >= 0:
        end = start + len(keyword)
        if not _cuts(text[start - 1 : start], keyword[0]) and not _cuts(keyword[-1], text[end : end + 1]):
            return True
        start = text.find(keyword, start + 1)
    return False


class Keywords:
    """Many keywords, found in one reading of a post however many they are."""

    def __init__(self, keywords: Iterable[str]) -> None:
        self._by_run: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._without_run: list[tuple[str, str]] = []
        for keyword in dict.fromkeys(keywords):
            if plain := folded(keyword):
                # A keyword can only stand where its longest run of letters stands too: that is one look-up.
                run = max(_RUN.findall(plain), key=len, default="")
                (self._by_run[run] if run else self._without_run).append((plain, keyword))

    def found(self, post: Post) -> frozenset[str]:
        """The keywords that stand in the post's title, text or flair."""
        fields = [folded(written(text)) for text in (post.title, post.selftext, post.link_flair_text or "")]
        runs = {run for field in fields for run in _RUN.findall(field)}
        candidates = self._candidates(runs)
        return frozenset(keyword for plain, keyword in candidates if any(stands_in(plain, field) for field in fields))

    def _candidates(self, runs: set[str]) -> Iterator[tuple[str, str]]:
        yield from self._without_run
        for run in runs & self._by_run.keys():
            yield from self._by_run[run]


def _cuts(before: str, after: str) -> bool:
    """Whether a word goes on from one character to the next."""
    return _is_in_word(before) and _is_in_word(after)


def _is_in_word(char: str) -> bool:
    """Whether a character belongs to a word of a script with spaces; a mark belongs to the letter before it."""
    if not char or _IS_UNSPACED.match(char):
        return False
    return char.isalnum() or unicodedata.category(char)[0] == "M"
