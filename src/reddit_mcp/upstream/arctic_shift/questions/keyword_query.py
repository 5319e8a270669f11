"""Reddit's search syntax as Arctic Shift's parameters, as far as it has them.

Words are looked for with all of them wanted. What only excludes, or asks a flag that it has no parameter for, is
checked here on what it gives. OR is refused: it would have to be asked as several searches.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from reddit_mcp.archive.sqlite.index_document import Document, is_self
from reddit_mcp.archive.sqlite.index_words import runs
from reddit_mcp.archive.sqlite.raw_fields import text
from reddit_mcp.upstream.arctic_shift.client.arctic_failures import not_offered
from reddit_mcp.upstream.arctic_shift.questions.arctic_things import Item
from reddit_mcp.upstream.reddit_api import identifiers

_TOKEN = re.compile(r'(-?)(?:([a-z_0-9]+):(?=[^\s)/]))?("[^"]*"?|[^\s()"]+)|[()]', re.IGNORECASE)
_WORDS = {"title": "title", "selftext": "selftext", "flair": "link_flair_text", "flair_name": "link_flair_text",
          "flair_text": "link_flair_text"}  # fmt: skip
_FLAGS = {"nsfw": "over_18", "over18": "over_18", "spoiler": "spoiler"}
_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_NAMES = {"author": identifiers.user, "subreddit": identifiers.community}
_ADDRESSES = ("url", "site")
_FIELDS = {*_WORDS, *_FLAGS, *_NAMES, *_ADDRESSES, "self", "is_self"}
_FREE = "query"


@dataclass(slots=True)
class Keywords:
    """A query, taken apart.

    Attributes:
        words: text parameters, which Arctic Shift takes only together with a community or an author.
        flags: over_18 and spoiler.
        author, subreddit, address: "" where they are not asked for.
        without: words that no result may have.
        is_self: whether results must be text posts, or must not.
    """

    words: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    author: str = ""
    subreddit: str = ""
    address: str = ""
    without: list[str] = field(default_factory=list)
    is_self: bool | None = None

    def keeps(self, item: Item) -> bool:
        """Whether a result is what the query asks for, as far as Arctic Shift has not looked itself."""
        if self.is_self is not None and item.kind == "t3" and is_self(item.data) is not self.is_self:
            return False
        title, body = text(item.data.get("title")), text(item.data.get("selftext") or item.data.get("body"))
        document = Document(title, body, lambda: item.data)
        return not any(document.contains(None, tuple(runs(word))) for word in self.without if runs(word))

    def prefixes(self) -> list[str]:
        """How addresses begin that the query asks for."""
        if not self.address:
            return []
        if "://" in self.address:
            return [self.address]
        bare = self.address.removeprefix("www.")
        return [f"https://{bare}", f"https://www.{bare}"]


def parse(query: str) -> Keywords:
    """Take a query apart.

    Raises:
        Unavailable: it asks for what Arctic Shift has not, reason `not_offered_by_source`.
    """
    found = Keywords()
    for negative, name, value in _parts(query):
        if negative:
            _exclude(found, name, value)
        elif name in _WORDS or not name:
            key = _WORDS.get(name, _FREE)
            found.words[key] = f"{found.words[key]} {value}" if key in found.words else value
        else:
            _set(found, name, value.strip('"'))
    return found


def _parts(query: str) -> Iterator[tuple[bool, str, str]]:
    """Words with their field ("" for none) and whether they are excluded; AND and parentheses change nothing."""
    excluded = False
    for match in _TOKEN.finditer(query):
        sign, name, value = match[1], (match[2] or "").lower(), match[3]
        if value is None:
            if excluded:
                raise not_offered("Arctic Shift cannot leave out a group of words; put - before each word instead.")
        elif value == "OR":
            raise not_offered("Arctic Shift has no OR in searches of posts; search for each of the words by itself.")
        elif value == "NOT" or (value == "-" and query[match.end() :].startswith("(")):
            excluded = True
        elif value.endswith(":") and value[:-1].lower() in _FIELDS:
            raise not_offered(f"Arctic Shift takes a field before each word; write {value}word for each of them.")
        elif value not in ("AND", "-") and value.strip('"'):
            if name and name not in _FIELDS:
                name, value = "", f"{match[2]}:{value}"
            yield excluded or bool(sign), name, value
            excluded = False


def _exclude(found: Keywords, name: str, value: str) -> None:
    if name:
        raise not_offered(
            f"Arctic Shift cannot leave out a field ({name}:); search without it and pick from the results."
        )
    found.without.append(value.strip('"'))


def _set(found: Keywords, name: str, value: str) -> None:
    if name in _NAMES:
        _set_name(found, name, value)
    elif name in _ADDRESSES:
        found.address = value
    elif value.lower() in _YES:
        yes = _YES[value.lower()]
        if name in _FLAGS:
            found.flags[_FLAGS[name]] = str(yes).lower()
        else:
            found.is_self = yes


def _set_name(found: Keywords, name: str, value: str) -> None:
    try:
        clean = _NAMES[name](value)
    except ValueError:
        raise not_offered(f"Arctic Shift needs a whole name after {name}:, such as {name}:example.") from None
    if getattr(found, name).lower() not in ("", clean.lower()):
        raise not_offered(f"Arctic Shift can look for one {name} at once; search for each by itself.")
    setattr(found, name, clean)
