"""A post or comment as the index sees it: words of its title, words of its text, and facets such as its author.

A word of the title and a facet are marked by a first character of Unicode's private use area, which no word of a text
contains. So a whole query, fields and negations included, is one full-text expression over one column.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from reddit_mcp.archive.sqlite.index_words import fold, phrase, runs, sequence, words
from reddit_mcp.archive.sqlite.raw_fields import account, community, flag, text

_MARKS = {
    "any": "\ue000", "subreddit": "\ue001", "author": "\ue002", "flair": "\ue003",
    "site": "\ue004", "url": "\ue005", "self": "\ue006", "nsfw": "\ue007",
    "title": "\ue008", "selftext": "",
}  # fmt: skip
_JOINTS = str.maketrans({chr(code): chr(0xE100 + code) for code in range(0x80) if not chr(code).isalnum()})
_URL_WORDS = 20
EVERYTHING = _MARKS["any"]


def facet(field: str, value: str) -> str:
    """The word that stands for `field:value`."""
    return _MARKS[field] + value.lower().translate(_JOINTS)


def facets_of(data: dict[str, Any]) -> list[str]:
    """Every facet of a post."""
    found = [EVERYTHING, facet("self", yes_no(is_self(data))), facet("nsfw", yes_no(flag(data.get("over_18"))))]
    found += [facet("subreddit", name) for name in [community(data)] if name]
    found += [facet("author", name) for name in [account(data)] if name]
    found += [facet("flair", word) for word in words(text(data.get("link_flair_text"))[:200])]
    if not is_self(data):
        url = text(data.get("url"))
        found += [facet("url", word) for word in words(url)[:_URL_WORDS]]
        found += [facet("site", site) for site in sites(text(data.get("domain")) or host(url))]
    return found


def word(field: str, value: str) -> str:
    """A folded word of the field `title` or `selftext`, as indexed."""
    return _MARKS[field] + value


def document(data: dict[str, Any]) -> str:
    """Everything that a query may find a post by, parted by blanks."""
    found = {word(field, each) for field in ("title", "selftext") for each in words(text(data.get(field)))}
    return " ".join(sorted(found.union(facets_of(data))))


def comment_document(data: dict[str, Any]) -> str:
    """Everything that a query may find a comment by; it has no title."""
    found = set(words(text(data.get("body")))) | {EVERYTHING}
    found |= {facet("subreddit", name) for name in [community(data)] if name}
    found |= {facet("author", name) for name in [account(data)] if name}
    return " ".join(sorted(found))


class Document:
    """A post to check a query against, read no further than the query asks: `load` gives all its fields."""

    def __init__(self, title: str, selftext: str, load: Callable[[], dict[str, Any]]) -> None:
        self._texts = {"title": title, "selftext": selftext}
        self._load = load

    @cached_property
    def facets(self) -> frozenset[str]:
        """Every facet of the post."""
        return frozenset(facets_of(self._load()))

    def contains(self, field: str | None, asked: tuple[str, ...]) -> bool:
        """Whether these runs stand next to each other in a field, or (None) in the title or the text."""
        return any(self._holds(each, asked) for each in ([field] if field else ["title", "selftext"]))

    def _holds(self, field: str, asked: tuple[str, ...]) -> bool:
        value = fold(self._texts[field])
        return all(run in value for run in asked) and phrase(asked) in sequence(runs(value))


def is_self(data: dict[str, Any]) -> bool:
    """Whether a post is text; early dumps say it by its domain alone, which a crosspost has from its original."""
    if data.get("crosspost_parent") or data.get("crosspost_parent_list"):
        return flag(data.get("is_self"))
    return flag(data.get("is_self")) or text(data.get("domain")).startswith("self.")


def yes_no(flag: bool) -> str:
    """How a query spells a flag."""
    return "yes" if flag else "no"


def host(url: str) -> str:
    """The host of a URL, or nothing if it is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def sites(domain: str) -> list[str]:
    """A domain and those above it: old.example.org is found by site:example.org."""
    labels = domain.lower().strip(".").split(".")[-6:]
    return [".".join(labels[at:]) for at in range(max(len(labels) - 1, 1))] if domain else []
