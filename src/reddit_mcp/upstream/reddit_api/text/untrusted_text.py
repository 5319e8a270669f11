"""What strangers wrote, without what nobody can see and without links that run something.

Hidden characters carry orders to a model that its reader never sees: directional overrides turn words around (Trojan
Source, CVE-2021-42574), zero-width and tag characters spell whole sentences. Joiners stay where writing needs them: in
emoji (Unicode UTS #51), and in scripts that join their letters (Persian, Hindi and others; Unicode, chapter 23.2).
"""

import re
from contextvars import ContextVar
from dataclasses import dataclass

from reddit_mcp.observability import metrics

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_DIRECTIONS = "\u202a-\u202e\u2066-\u2069"
_ZERO_WIDTH = "\u00ad\u034f\u061c\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"
_TAGS = "\U000e0000-\U000e007f"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_JOINED = "\u0590-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ufb1d-\ufdff\ufe70-\ufefc"
"""Letters of scripts that join or that run from right to left."""

_EMOJI = "\u00a9\u00ae\u203c-\u3299\ufe0f\U0001f000-\U0001faff\U000e007f"

HIDDEN = re.compile(f"[{_CONTROLS}{_DIRECTIONS}{_ZERO_WIDTH}{_TAGS}]|[{_SELECTORS}]{{2,}}")
_PIECES = re.compile(
    "(?P<kept>\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"  # a region's flag
    f"|(?<=[{_EMOJI}])\u200d(?=[{_EMOJI}])"
    f"|(?<=[{_JOINED}])[\u061c\u200c-\u200f]|[\u061c\u200c-\u200f](?=[{_JOINED}])"
    f"|(?<![{_SELECTORS}])[{_SELECTORS}])"
    f"|[{_CONTROLS}{_DIRECTIONS}{_ZERO_WIDTH}{_TAGS}{_SELECTORS}]"
)
_SCHEME = r"\s*<?\s*(?!https?:)[a-z][a-z0-9+.\-\t]{0,40}:"
_LINK = re.compile(rf"\[([^\[\]]{{0,1000}})\]\({_SCHEME}[^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)", re.IGNORECASE)
_AUTOLINK = re.compile(r"<(?!https?:)[a-z][a-z0-9+.\-]{1,31}:[^<>\s]{0,2000}>", re.IGNORECASE)


@dataclass(slots=True)
class Tally:
    """How many characters were removed so far."""

    removed: int = 0


tally: ContextVar[Tally | None] = ContextVar("removed_characters", default=None)
"""Where removed characters are counted, if anybody counts them."""


def clean(text: str) -> str:
    """The text as its readers see it; links other than http and https keep their words alone."""
    shown = text
    if HIDDEN.search(text):
        shown = _PIECES.sub(lambda piece: piece["kept"] or "", text)
        metrics.count(metrics.CLEANED_CHARACTERS, by=len(text) - len(shown))
        if counted := tally.get():
            counted.removed += len(text) - len(shown)
    if "](" in shown:
        shown = _LINK.sub(r"\1", shown)
    return _AUTOLINK.sub("", shown) if "<" in shown else shown


def address(text: str) -> str:
    """An address of the web; nothing where it is none."""
    found = clean(text).strip()
    return found if found[:8].lower().startswith(("http://", "https://")) else ""
