import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reddit_mcp.analysis.prose import cut, own_text, prose, words
from reddit_mcp.models import Comment, Post

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1eb\U0001f1f7"
WAVE = "\U0001f44b\U0001f3fd"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("I don't; she said 'yes'", ["i", "don't", "she", "said", "yes"]),
        ("we don\u2019t", ["we", "don't"]),
        ("state-of-the-art -- well - done", ["state-of-the-art", "well", "done"]),
        ("Python 3.14, 1,000 users.", ["python", "3.14", "1,000", "users"]),
        ("Straße CAFE\u0301", ["strasse", "caf\u00e9"]),
        ("\uff21\uff22\uff23", ["abc"]),
        ("soft\u00adware zero\u200bwidth", ["software", "zero", "width"]),
        (
            "\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440",
            ["\u043f\u0440\u0438\u0432\u0435\u0442", "\u043c\u0438\u0440"],
        ),
        ("مرحبا بالعالم، شكرا", ["مرحبا", "بالعالم", "شكرا"]),
        ("नमस्ते दुनिया। हिन्दी", ["नमस्ते", "दुनिया", "हिन्दी"]),
        ("안녕하세요 세계", ["안녕하세요", "세계"]),
        ("東京大学", ["東京", "京大", "大学"]),
        ("猫とロボット", ["猫", "と", "ロボット"]),
        (f"love\u2764\ufe0fyou {FAMILY} {FLAG} 1\ufe0f\u20e3", ["love", "you", "1"]),
        ("non\u2011breaking \u201cquoted\u201d", ["non-breaking", "quoted"]),
        ("\u0301 \u20ac $ % ^", []),
        ("x" * 41 + " short", ["short"]),
        ("", []),
    ],
)
def test_words_of_any_script(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.com/a?b=c#d now", ["see", "now"]),
        ("[the docs](https://example.com/x_(y)) help", ["the", "docs", "help"]),
        ("![](https://example.com/x.png) text", ["text"]),
        ("> quoted words\nmine\r> again", ["mine"]),
        (">!spoiler!< shown", ["spoiler", "shown"]),
        ("run `rm -rf` now\n```\ncode here\n```\ndone", ["run", "now", "done"]),
        ("before\n```\nnever closed", ["before"]),
        ("text\n\n    indented code\n\tmore code\nend", ["text", "end"]),
        ("ask u/spez in /r/python or R/Rust", ["ask", "in", "or"]),
        ("either and/or both", ["either", "and", "or", "both"]),
        ("a&#x200B;b &nbsp; c", ["a", "b", "c"]),
        ("<script>alert(1)</script>'; DROP TABLE x;--", ["script", "alert", "1", "script", "drop", "table", "x"]),
    ],
)
def test_words_leave_out_what_the_author_did_not_say(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_prose_keeps_sentences_as_written() -> None:
    assert prose("I don\u2019t LIKE it!! \U0001f600") == "I don't LIKE it!! \U0001f600"


def test_prose_of_an_endless_text_is_bounded() -> None:
    assert len(prose("a " * 1_000_000)) == 40_000


@settings(deadline=None)
@given(st.text())
def test_words_never_fail_and_hold_letters_or_digits(text: str) -> None:
    for word in words(text):
        assert word == word.strip()
        assert any(char.isalnum() for char in word)


@settings(deadline=None)
@given(st.text(alphabet="[]()`>&#;/ur\n a'-.,|", max_size=200))
def test_broken_markup_is_just_text(text: str) -> None:
    assert isinstance(words(text), list)


def test_own_text_of_posts_and_comments() -> None:
    assert own_text(Post(id="a", title="Title", selftext="Body")) == "Title\n\nBody"
    assert own_text(Post(id="a", title="Title", selftext="[removed]")) == "Title"
    assert own_text(Post(id="a", title="[deleted by user]")) == ""
    assert own_text(Comment(id="a", body="Words")) == "Words"
    assert own_text(Comment(id="a", body=" [deleted] ")) == ""


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 5, ("short", False)),
        ("", 0, ("", False)),
        ("one two three four", 14, ("one two three…", True)),
        ("one two three four", 15, ("one two three…", True)),
        ("a verylongwordwithoutend", 12, ("a verylongw…", True)),
        ("abc   def", 6, ("abc…", True)),
        ("abc", 1, ("…", True)),
        ("abc", 0, ("", True)),
        ("abc", -3, ("", True)),
        (f"ab{FAMILY}cd", 5, ("ab…", True)),
        (f"ab{WAVE}cd", 4, ("ab…", True)),
        (f"{FLAG}{FLAG}x", 4, (f"{FLAG}…", True)),
        ("abcde\u0301fgh", 6, ("abcd…", True)),
        ("ab\ud83d\ude00cd", 4, ("ab…", True)),
        ("a\u0301\u0301\u0301\u0301", 3, ("…", True)),
    ],
)
def test_cut(text: str, limit: int, expected: tuple[str, bool]) -> None:
    assert cut(text, limit) == expected


@settings(deadline=None)
@given(
    st.text(alphabet=st.sampled_from(["a", " ", "\n", "\u0301", "\u200d", *FAMILY, *FLAG, *WAVE, "東"])),
    st.integers(1, 30),
)
@example("\U000e0067" * 50, 10)
def test_cut_fits_and_splits_no_sequence(text: str, limit: int) -> None:
    short, was_cut = cut(text, limit)
    assert len(short) <= limit
    assert was_cut == (len(text) > limit)
    if not was_cut:
        assert short == text
        return
    assert short.endswith("…")
    kept = short[:-1]
    assert text.startswith(kept)
    if kept:
        after = text[len(kept)]
        assert not unicodedata.category(after).startswith("M")
        assert after.isspace() or not kept.endswith("\u200d")  # a joiner joins nothing to a space


def test_cut_keeps_the_flags_of_a_long_row_whole() -> None:
    assert cut(FLAG * 10_000, 1_000) == (FLAG * 499 + "…", True)
