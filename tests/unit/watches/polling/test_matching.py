import pytest
from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.models import Post
from reddit_mcp.watches.polling.keyword_matching import Keywords, folded, stands_in


def found(keyword: str, text: str) -> bool:
    return bool(Keywords([keyword]).found(Post(id="a", selftext=text)))


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("art", "Art"),
        ("art", "modern ART, explained"),
        ("art", "an art's worth"),
        ("art", "_art_ in *markdown*"),
        ("art", "start with art"),
        ("machine learning", "Machine\n  Learning today"),
        ("c++", "is C++ dead?"),
        ("c++", "c++20 is out"),
        ("#tag", "see #Tag!"),
        ("node.js", "Node.js."),
        (".net", "I like .NET"),
        ("at&t", "AT&T again"),
        ("don't", "Don\u2019t panic"),
        ("straße", "STRASSE"),
        ("ﬁsh", "fish"),
        ("ｐｙｔｈｏｎ", "python"),
        ("café", "cafe\u0301 au lait"),
        ("python", "py\u00adthon"),
        ("東京", "新東京国際空港"),
        ("python", "最高のpythonライブラリ"),
        ("การ", "ภาษาการเขียน"),
        ("파이썬", "파이썬을 배우다"),
        ("привет", "Привет, мир"),
        ("हिन्दी", "मेरी हिन्दी किताब"),
        ("🚀", "to the moon 🚀🚀"),
        ("gpt-4", "GPT-4 vs GPT-5"),
        ("42", "the answer is 42"),
    ],
)
def test_a_keyword_stands_in_a_text(keyword: str, text: str) -> None:
    assert found(keyword, text)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("art", "start"),
        ("art", "party, artist, Bart"),
        ("c++", "abc++"),
        ("node.js", "node js"),
        ("machine learning", "machine. learning"),
        ("क", "कि"),
        ("e", "e\u0301"),
        ("42", "1421"),
        ("при", "привет"),
        ("", "anything"),
        ("\u200b", "anything"),
        ("art", "[deleted]"),
        ("deleted", "[deleted]"),
        ("removed", "[removed]"),
    ],
)
def test_a_keyword_does_not_stand_in_a_text(keyword: str, text: str) -> None:
    assert not found(keyword, text)


def test_title_text_and_flair_are_read_apart() -> None:
    post = Post(id="a", title="Ferris the", selftext="crab likes", link_flair_text="Show and tell")
    keywords = Keywords(["Ferris", "crab", "show and tell", "the crab", "likes show"])
    assert keywords.found(post) == {"Ferris", "crab", "show and tell"}


def test_keywords_of_one_run_are_told_apart() -> None:
    keywords = Keywords(["rust", "rust lang", "rust async"])
    assert keywords.found(Post(id="a", title="Rust lang")) == {"rust", "rust lang"}


def test_a_very_long_text_is_cut() -> None:
    assert not found("needle", "hay " * 20_000 + "needle")


@given(st.text(), st.text(max_size=20))
def test_any_text_can_be_read(text: str, keyword: str) -> None:
    found(keyword, text)


@given(st.text(max_size=60), st.text(min_size=1, max_size=8))
def test_the_index_finds_what_a_plain_search_finds(text: str, keyword: str) -> None:
    plain = folded(keyword)
    assert found(keyword, text) == (bool(plain) and stands_in(plain, folded(text)))
