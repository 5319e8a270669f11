"""What a person wrote, as prose, as words, as clauses; and how to cut it short."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import takewhile

from reddit_mcp.models import Comment, Post

STOP_WORDS = frozenset(
    """
    a able about actually after again against ago all already also although always am an and another any anybody anyone
    anything are aren't around as at back be became because become been before being below between both but by came can
    can't cannot come could couldn't did didn't do does doesn't doing don't done dont down during each edit either else
    enough especially even ever every everyone everything few for from further gave get gets getting give given go goes
    going gone gonna got had hadn't has hasn't have haven't having he her here hers herself hi him himself his how
    however i i'd i'll i'm i've if im in instead into is isn't it its itself just keep kind know knows less let like
    literally ll looking lot lots made make makes making many may maybe me might mine more most much must my myself
    need needs neither never no nobody none nor not nothing now of off oh ok okay on once one ones only onto or other
    others otherwise our ours ourselves out over own per perhaps please pretty put quite rather re really said same
    saw say saying says see seem seems seen several shall she should shouldn't since so some somebody someone something
    sometimes soon still stuff such sure take taken than thank thanks that the their theirs them themselves then there
    these they they'd they'll they're they've thing things think this those though through thus to today together too
    took tried tries try trying under until up upon us use used using usually ve very via want wanted wants was wasn't
    way we we'd we'll we're we've well went were weren't what whatever when where whether which while who whole whom
    whose why will with within without won't would wouldn't yeah yep yes yet you you'd you'll you're you've your yours
    yourself yourselves
    """.split()
)

_GONE = frozenset({"", "[deleted]", "[removed]", "[deleted by user]", "[ removed by reddit ]"})
_LONGEST_TEXT = 40_000  # Reddit's own limit of a self text; a dump may hold anything
_LONGEST_WORD = 40  # beyond that it is a hash, a shout or an attack

_NOT_PROSE = re.compile(
    r"```.*?(?:```|\Z)"  # fenced code
    r"|`[^`\n]*`"
    r"|^(?: {4}|\t)[^\n]*"  # indented code
    r"|^ {0,3}>(?!!)[^\n]*"  # a quotation; `>!` opens a spoiler
    r"|^[^\n]*\b(?:i am|i'm) a bot\b[^\n]*"  # a bot's signature
    r"|^[^\n]*\bbeep[ ,]*boop\b[^\n]*"
    r"|(?:https?://|www\.)[!-~]+"
    r"|(?<![\w/])/?[ur]/[\w-]+"  # u/name, r/name
    r"|&#?\w{1,31};",  # entities typed by Reddit's own editor, such as `&#x200B;`
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_LINE_END = re.compile(r"\r\n?")
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)")

_CLAUSE_END = re.compile(r"[\n!?;:()\[\]{}|]|[.,](?!\d)|(?<!\d)[.,]|--+|(?<=\s)-(?=\s)")
_LETTERS = r"[^\x00-/:-@\[-`{-\x7f]+"  # any script; what else is not ASCII has been replaced before
_WORD = re.compile(rf"{_LETTERS}(?:['.,-]{_LETTERS})*")
_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA, _KATAKANA = "\u3041-\u309f", "\u30a0-\u30ff\u31f0-\u31ff"
_RUN = re.compile(rf"([{_HAN}]+)|([{_HIRAGANA}]+|[{_KATAKANA}]+|[^{_HAN}{_HIRAGANA}{_KATAKANA}]+)")
HAN = re.compile(f"[{_HAN}]+")
UNSPACED = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}]+")  # scripts that set no space between words


def written(text: str) -> str:
    """Return the text, or nothing where it is one of Reddit's marks of a deletion."""
    return "" if text.strip().casefold() in _GONE else text


def own_text(item: Post | Comment) -> str:
    """Return what the author wrote, title and body, without what is deleted or removed."""
    parts = (item.title, item.selftext) if isinstance(item, Post) else (item.body,)
    return "\n\n".join(filter(None, map(written, parts)))


def prose(text: str) -> str:
    """Return the author's own sentences: no code, quotations, addresses or mentions; of a link, its text.

    Curly apostrophes become straight ones, the only ones that word lists know.
    """
    lines = _LINE_END.sub("\n", text[:_LONGEST_TEXT]).replace("\u2019", "'")
    return _NOT_PROSE.sub(" ", _LINK.sub(r"\1", lines))


def words(text: str) -> list[str]:
    """Return the case-folded words of the prose, in any script, in order and with repetitions.

    Han characters, which stand without spaces, come as overlapping pairs (as search engines index them).
    """
    return [word for clause in clauses(prose(text)) for word in clause]


def clauses(text: str) -> Iterator[list[str]]:
    """Yield the words of each stretch of a prose between two punctuation marks; no phrase reaches beyond one."""
    if not text.isascii():
        text = text.translate({ord(char): _plain(char) for char in set(text) if not char.isascii()})
    for clause in _CLAUSE_END.split(text.lower()):
        tokens = _WORD.findall(clause)
        spelled = tokens if clause.isascii() else [word for token in tokens for word in _split(token)]
        if found := [word for word in spelled if len(word) <= _LONGEST_WORD]:
            yield found


def cut(text: str, limit: int) -> tuple[str, bool]:
    """Return the text within `limit` characters, and whether it was cut; a cut text ends in "…" (counted).

    It ends at a space if one stands in the last fifth, and never inside a character sequence that shows as one.
    """
    if len(text) <= limit:
        return text, False
    end = limit - 1
    space = text.rfind(" ", max(end - limit // 5, 0), end + 1)
    if space > 0:
        end = space
    while end > 0 and _joined(text, end):
        end -= 1
    return (text[:end].rstrip() + "…")[: max(limit, 0)], True


def _plain(char: str) -> str | None:
    """Return what stands for a character that is not ASCII: itself, a hyphen, a space, a clause's end, nothing."""
    kind = unicodedata.category(char)
    if char in "\u2010\u2011":
        return "-"
    if char == "\u200b" or kind in {"Pi", "Pf"}:
        return " "
    if kind in {"Cf", "Me"} or _is_variation(char):
        return None
    if kind[0] in "LNM":
        return char
    return "\n" if kind[0] == "P" else " "


def _split(token: str) -> Iterator[str]:
    """Yield the words of a token: scripts written without spaces apart, lengths bounded before normalising."""
    for han, other in _RUN.findall(token):
        pairs = [han[i : i + 2] for i in range(max(len(han) - 1, 1))] if han else [other]
        for word in pairs:
            if len(word) <= _LONGEST_WORD and any(map(str.isalnum, word)):
                yield from unicodedata.normalize("NFKC", word).casefold().split()


def _joined(text: str, index: int) -> bool:
    """Whether the characters around this index show as one (a part of the rules of Unicode's UAX #29)."""
    before, after = text[index - 1], text[index]
    return (
        "\u200d" in (before, after)
        or unicodedata.category(after)[0] == "M"
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= after <= "\U000e007f"  # tags, in the flags of regions
        or "\udc00" <= after <= "\udfff"  # the second half of an unpaired surrogate
        or (_is_flag_letter(after) and _flag_letters_before(text, index) % 2 == 1)
    )


def _flag_letters_before(text: str, index: int) -> int:
    return sum(1 for _ in takewhile(_is_flag_letter, reversed(text[:index])))


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_variation(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
