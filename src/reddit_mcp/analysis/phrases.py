"""Phrases of one to three words, and in which texts they stand: one vote for each text."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, compress, pairwise

from reddit_mcp.analysis.prose import HAN, STOP_WORDS, UNSPACED, clauses, prose

Phrase = tuple[str, ...]

# They begin or end many a topic (new york, life insurance) and are none by themselves; the last are Reddit's tags.
_VAGUE = frozenset(
    """
    action advice almost ama anybody ask asked asking away bad best better big called change comment comments day days
    different end far fact feel feels felt find first found fun full good great guess guy guys happy hard hate help high
    hope hour hours idea important include issue issues job kinda last later leave left life list live long look looked
    looks love man mean means meant month months name new next nice number oc old part people person place point post
    posted posting posts probably problem problems question questions read real reason right show small start started
    stop story talk tell thought thread time times title told top true turn two three type understand update week weeks
    word words work worked working works world worse worst wp write wrong year years aita eli5 nsfw psa tifu til
    """.split()
)
_LONGEST = 3
_CHARACTERS = 4_000  # about 600 words: an endless text must not outweigh the work on all others


def phrases(text: str) -> list[Phrase]:
    """Return the distinct phrases of a text in reading order; a stop word may stand inside one, never at its ends."""
    return list(dict.fromkeys(chain.from_iterable(map(_of_clause, clauses(prose(text)[:_CHARACTERS])))))


def mentions(texts: Iterable[str]) -> dict[Phrase, list[int]]:
    """Return for each phrase the indexes of the texts that hold it."""
    found: defaultdict[Phrase, list[int]] = defaultdict(list)
    for index, text in enumerate(texts):
        for phrase in phrases(text):
            found[phrase].append(index)
    return dict(found)


def distinct(found: Mapping[Phrase, list[int]]) -> list[Phrase]:
    """Return one phrase for each topic: of phrases in the very same texts that share words, the longest stays.

    So a part of a phrase that is never seen without the whole is absorbed by it, and a repeated headline is one topic.
    """
    kept: list[Phrase] = []
    taken: defaultdict[tuple[int, ...], set[str]] = defaultdict(set)
    for phrase in sorted(found, key=len, reverse=True):
        said = taken[tuple(found[phrase])]
        if said.isdisjoint(phrase):
            kept.append(phrase)
        said.update(word for word in phrase if word not in STOP_WORDS)
    return kept


def wording(phrase: Phrase) -> str:
    """Return the phrase as people write it: overlapping pairs of Han characters are joined again."""
    text = phrase[0]
    for before, word in pairwise(phrase):
        if not UNSPACED.fullmatch(before[-1] + word[0]):
            text += f" {word}"
        elif len(before) > 1 and before[-1] == word[0] and HAN.fullmatch(before + word):
            text += word[1:]
        else:
            text += word
    return text


def _of_clause(clause: list[str]) -> Iterator[Phrase]:
    plain = [word.removesuffix("'s") for word in clause]
    lettered = [any(map(str.isalpha, word)) for word in plain]  # numbers alone are no topic
    ends = [not _is_filler(word) for word in plain]
    for start in compress(range(len(plain)), ends):
        if lettered[start] and _stands_alone(plain[start]):
            yield (plain[start],)
        for stop in range(start + 2, min(start + _LONGEST, len(plain)) + 1):
            if ends[stop - 1] and any(lettered[start:stop]):
                yield tuple(plain[start:stop])


def _is_filler(word: str) -> bool:
    """Whether no phrase begins or ends with it; what Japanese writes in Hiragana is mostly grammar."""
    return word in STOP_WORDS or "\u3041" <= word[0] <= "\u309f"


def _stands_alone(word: str) -> bool:
    """Whether one word can be a topic: not a vague one, nor a letter (but one Han character is a word)."""
    return word not in _VAGUE and (len(word) > 1 or HAN.match(word) is not None)
