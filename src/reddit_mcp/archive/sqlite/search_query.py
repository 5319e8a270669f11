"""Reddit's search syntax: parsed into a tree, turned into a full-text expression, and checked against a post.

    (cat OR "house cat") -dog title:food author:bob flair:question self:yes

Words beside each other must all occur; AND, OR and NOT are upper case; `-` is NOT. Fields: title, selftext, author,
subreddit, flair, site, url, self, nsfw. Anything else is words, and whatever makes no sense is left out: every string
is a query. Source: Reddit's search help, "advanced search options".
"""

import re
from dataclasses import dataclass

from reddit_mcp.archive.sqlite.index_document import EVERYTHING, Document, facet, word
from reddit_mcp.archive.sqlite.index_words import is_unspaced, pairs, runs, words

LONGEST = 512  # characters; Reddit looks at no more
_DEEPEST = 10
_FIELDS = {
    "title": "title", "selftext": "selftext", "author": "author", "subreddit": "subreddit", "flair": "flair",
    "flair_name": "flair", "flair_text": "flair", "site": "site", "url": "url", "self": "self", "is_self": "self",
    "nsfw": "nsfw", "over18": "nsfw",
}  # fmt: skip
_TOKEN = re.compile(rf'(?:{"|".join(_FIELDS)}):(?=[^\s)])|-(?=[^\s)])|[()]|"[^"]*"?|[^\s()"]+', re.IGNORECASE)
_YES_NO = {"yes": "yes", "true": "yes", "1": "yes", "no": "no", "false": "no", "0": "no"}


@dataclass(frozen=True, slots=True)
class Text:
    """Words that stand next to each other in the title, in the text, or (field None) in either."""

    field: str | None
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facets:
    """Facets that a post has, all of them."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the parts."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not the part."""

    part: "Node"


Node = Text | Facets | And | Or | Not


def parse(query: str) -> Node | None:
    """The tree of a query, or None when it asks for nothing."""
    return _Parser(_TOKEN.findall(query[:LONGEST])).either(None, 0)


def within(node: Node, communities: tuple[str, ...]) -> Node:
    """The same query, in these communities only."""
    return And((node, Or(tuple(Facets((facet("subreddit", name),)) for name in communities))))


def in_title(node: Node) -> Node:
    """The same query, with its free words asked of the title."""
    match node:
        case Text(None, found):
            return Text("title", found)
        case And(parts):
            return And(tuple(in_title(part) for part in parts))
        case Or(parts):
            return Or(tuple(in_title(part) for part in parts))
    return node


def expression(node: Node) -> tuple[str, bool]:
    """A full-text expression that finds every post the query asks for, and whether it finds no others.

    Only words that this module has cut and quoted become part of it.
    """
    match node:
        case Text(field, found):
            return _text(field, found)
        case Facets(found):
            return _joined(" AND ", [_quoted(each) for each in found]), True
        case Not(part):
            inner, exact = expression(part)
            return (f"({_quoted(EVERYTHING)} NOT {inner})", True) if exact else (_quoted(EVERYTHING), False)
        case Or(parts):
            sides = [expression(part) for part in parts]
            return _joined(" OR ", [side for side, _ in sides]), all(exact for _, exact in sides)
        case And(parts):
            return _all(parts)


def unsure(node: Node) -> Node | None:
    """The part of a query that its expression does not settle, to be checked post by post."""
    if isinstance(node, And):
        parts = tuple(part for part in map(unsure, node.parts) if part is not None)
        return And(parts) if parts else None
    return None if expression(node)[1] else node


def matches(node: Node, post: Document) -> bool:
    """Whether a post is what the query asks for."""
    match node:
        case Text(field, found):
            return post.contains(field, found)
        case Facets(found):
            return post.facets.issuperset(found)
        case Not(part):
            return not matches(part, post)
        case Or(parts):
            return any(matches(part, post) for part in parts)
        case And(parts):
            return all(matches(part, post) for part in parts)


def _text(field: str | None, found: tuple[str, ...]) -> tuple[str, bool]:
    fields = [field] if field else ["title", "selftext"]
    terms, exact = [], len(found) == 1
    for run in found:
        if not is_unspaced(run):
            terms.append([_quoted(word(each, run)) for each in fields])
        elif len(run) == 1:
            terms.append([_quoted(word(each, run)) + "*" for each in fields])
        else:
            exact = exact and len(run) == 2  # noqa: PLR2004 - one pair is one indexed word
            terms += [[_quoted(word(each, pair)) for each in fields] for pair in pairs(run)]
    return _joined(" AND ", [_joined(" OR ", term) for term in terms]), exact


def _all(parts: tuple[Node, ...]) -> tuple[str, bool]:
    """`wanted NOT (unwanted)` where possible: the word index then never walks through all posts."""
    unwanted = [expression(part.part) for part in parts if isinstance(part, Not)]
    wanted = [expression(part) for part in parts if not isinstance(part, Not)] or [(_quoted(EVERYTHING), True)]
    result = _joined(" AND ", [side for side, _ in wanted])
    settled = [side for side, exact in unwanted if exact]
    if settled:
        result = f"({result} NOT {_joined(' OR ', settled)})"
    return result, all(exact for _, exact in wanted + unwanted)


def _joined(operator: str, parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({operator.join(parts)})"


def _quoted(token: str) -> str:
    return f'"{token}"'


class _Parser:
    """Recursive descent over the tokens; parentheses beyond a depth are ignored."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens[::-1]

    def either(self, field: str | None, depth: int) -> Node | None:
        """Runs of parts between ORs, up to the closing parenthesis of this depth."""
        sides = [self._all(field, depth)]
        while self._tokens and self._tokens.pop() == "OR":
            sides.append(self._all(field, depth))
        return _gathered(Or, sides)

    def _all(self, field: str | None, depth: int) -> Node | None:
        parts: list[Node | None] = []
        while self._tokens and self._tokens[-1] != "OR":
            if self._tokens[-1] != ")":
                parts.append(self._part(field, depth))
            elif depth:
                break
            else:
                self._tokens.pop()
        return _gathered(And, parts)

    def _part(self, field: str | None, depth: int) -> Node | None:
        negative = False
        while self._tokens and self._tokens[-1] not in ("OR", ")"):
            symbol = self._tokens.pop()
            if symbol in ("-", "NOT"):
                negative = not negative
            elif symbol.endswith(":") and symbol[:-1].lower() in _FIELDS:
                field = _FIELDS[symbol[:-1].lower()]
            elif symbol != "AND":
                found = self._group(field, depth) if symbol == "(" else _leaf(field, symbol.strip('"'))
                return Not(found) if found and negative else found
        return None

    def _group(self, field: str | None, depth: int) -> Node | None:
        return self.either(field, depth + 1) if depth < _DEEPEST else None


def _gathered(kind: type[And | Or], parts: list[Node | None]) -> Node | None:
    found = tuple(part for part in parts if part is not None)
    return kind(found) if len(found) > 1 else next(iter(found), None)


def _leaf(field: str | None, value: str) -> Node | None:
    """What a word or a quoted phrase asks for in a field; None if that is nothing."""
    if field in (None, "title", "selftext"):
        found = tuple(runs(value))
        return Text(field, found) if found else None
    if field in ("flair", "url"):
        asked = words(value)
    elif field in ("self", "nsfw"):
        asked = [each for each in [_YES_NO.get(value.lower())] if each]
    else:
        asked = [each for each in [value.lower().removeprefix("/").removeprefix("u/").removeprefix("r/")] if each]
    return Facets(tuple(facet(str(field), each) for each in asked)) if asked else None
