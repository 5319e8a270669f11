"""What many texts speak of, and in which mood."""

from collections.abc import Sequence

from reddit_mcp.analysis.phrases import distinct, mentions, wording
from reddit_mcp.analysis.sentiment import Scored, mean
from reddit_mcp.models import Value

_MANY_TEXTS = 50


class Theme(Value):
    """A phrase, the number of texts that hold it, and the mean sentiment of those texts."""

    theme: str
    mentions: int
    score: float


def key_themes(scored: Sequence[Scored], limit: int = 10) -> list[Theme]:
    """Return the phrases that most texts hold, ties in alphabetical order.

    A theme needs two texts of different authors, or three texts where 50 or more were read.
    """
    least = 2 if len(scored) < _MANY_TEXTS else 3
    said = mentions(item.text for item in scored).items()
    found = {phrase: texts for phrase, texts in said if len(texts) >= least and _has_authors(scored, texts)}
    ranked = sorted((-len(found[phrase]), wording(phrase), found[phrase]) for phrase in distinct(found))
    return [
        Theme(theme=name, mentions=-votes, score=mean([scored[index] for index in texts]))
        for votes, name, texts in ranked[:limit]
    ]


def _has_authors(scored: Sequence[Scored], texts: Sequence[int]) -> bool:
    """Whether two people say it; of those who are gone, each may be another."""
    authors = [scored[index].author for index in texts]
    return len(set(authors)) > 1 or authors.count("[deleted]") > 1
