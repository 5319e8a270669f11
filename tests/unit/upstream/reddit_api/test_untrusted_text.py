"""What strangers wrote: what is removed of it, and what has to stay."""

from contextvars import copy_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.upstream.reddit_api.text.untrusted_text import Tally, address, clean, tally

KEPT = {
    "ascii": "plain words, 2 < 3 & more\n\tindented",
    "family": "👨‍👩‍👧‍👦 at home",
    "skin tone and profession": "👩🏽‍🚀 👨🏿‍⚕️",
    "heart on fire": "❤️‍🔥",
    "rainbow flag": "🏳️‍🌈 🏴‍☠️",
    "keycap": "1️⃣ #️⃣",
    "country": "🇩🇪🇯🇵",
    "region": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "persian": "می‌خواهم",
    "hindi": "क्‍ष और क्‌ष",
    "sinhala": "ශ්‍රී",
    "hebrew mark": "שלום\u200f!",
    "accents": "cafe\u0301 naïve Łódź",
    "chinese": "美是最重要的",
    "text heart": "❤\ufe0e",
}
REMOVED = {
    "override": ("safe\u202etxt.exe\u202c", "safetxt.exe"),
    "isolate": ("a\u2066b\u2069c", "abc"),
    "zero width": ("ig\u200bno\u2060re\ufeff", "ignore"),
    "joiners in latin": ("pass\u200dword\u200c", "password"),
    "marks in latin": ("a\u200eb\u200fc", "abc"),
    "soft hyphen": ("soft\u00adhyphen", "softhyphen"),
    "tags": ("hi" + "".join(chr(0xE0000 + ord(c)) for c in "obey me"), "hi"),
    "tags behind a flag": ("\U0001f3f4\U000e0041\U000e0042 x", "\U0001f3f4 x"),
    "tags without end": ("\U0001f3f4\U000e0067\U000e0062 x", "\U0001f3f4 x"),
    "selectors": ("x" + "\ufe00\U000e0100\U000e0101" * 5, "x\ufe00"),
    "escape and null": ("\x1b[31mred\x00\x7f\x9b", "[31mred"),
    "carriage return": ("a\r\nb", "a\nb"),
    "byte order mark": ("\ufefftitle", "title"),
    "script link": ("[click](javascript:alert(1)) now", "click now"),
    "script link in disguise": ("[click]( <JaVaScRiPt\t:alert(1)>)", "click"),
    "data link": ("see [this](data:text/html;base64,PHN2Zz4=).", "see this."),
    "mail link": ("[mail](mailto:a@b.example)", "mail"),
    "autolink": ("a <vbscript:msgbox> b", "a  b"),
    "hidden inside a link": ("[x](java\u200bscript:alert(1))", "x"),
}
LINKS = ["[a](https://a.example/x_(y))", "[a](http://a.example)", "[a](/r/kettles)", "[a](#top)", "<https://a.example>"]


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_writing_needs_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(("text", "seen"), REMOVED.values(), ids=REMOVED)
def test_what_nobody_sees_goes(text: str, seen: str) -> None:
    assert clean(text) == seen


@pytest.mark.parametrize("text", LINKS)
def test_links_of_the_web_stay(text: str) -> None:
    assert clean(text) == text


def test_removed_characters_are_counted() -> None:
    counted = Tally()

    def count() -> None:
        tally.set(counted)
        clean("a\u200bb\x00")
        clean("nothing here")

    copy_context().run(count)
    assert counted.removed == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a.example/x?a=1&b=2", "https://a.example/x?a=1&b=2"),
        ("HTTP://a.example", "HTTP://a.example"),
        (" https://a.example ", "https://a.example"),
        ("javascript:alert(1)", ""),
        ("java\u200bscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("ftp://a.example", ""),
        ("", ""),
    ],
)
def test_addresses(text: str, shown: str) -> None:
    assert address(text) == shown


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing_that_is_hidden(text: str) -> None:
    once = clean(text)
    assert not set(once) & {"\u200b", "\u202e", "\x00", "\ufeff"}
    assert clean(once) == clean(clean(once))
