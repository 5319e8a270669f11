"""What a model may write into text arguments."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from reddit_mcp.tools.declaration import argument_types
from reddit_mcp.tools.declaration.argument_types import clean, harmless

LEGAL = [
    '"exact phrase"',
    "it's fine; really",
    "cats AND dogs",
    "cats OR (dogs NOT birds)",
    "title:kettle author:tea_lover",
    "state-of-the-art",
    "vector<int>",
    "std::map<string, vector<int>>",
    "*.py and **/*.js",
    "int x; // a comment",
    "a < b > c",
    "x -- y",
    "rock 'n' roll",
    "50% off & more",
    "C# / C++",
    "<3",
    "i <unknown> you",
    "日本語 テスト",
    "emoji 🎉",
    "SELECT a phone",
    "drop table saw",
    "/* only half",
    "<b>bold</b>",
    "</div>",
    '<img src="x">',
    "<a href='x'>link</a>",
    "what does <form-data> mean",
    "center a <div> in css",
    "how to DROP TABLE; and UNION SELECT in SQL",
    "it's; truncated",
    "O'Brien; union of two",
    "x > y; on = off",
    "<T extends object>",
    "only half */",
]
REFUSED = [
    "<script>alert(1)</script>",
    "<SCRIPT>",
    "</script >",
    "<iframe\n src=x>",
    "<svg/onload=alert(1)>",
    "<object data=x>",
    "<meta http-equiv=refresh>",
    "<img src=x onerror=alert(1)>",
    "<b onclick='x'>",
    '<a href="javascript:alert(1)">x</a>',
    "'; DROP TABLE users",
    '"; delete from x',
    "x' ; exec",
    "'; select 1",
    "admin; --",
    "admin;--  ",
    "a /* hidden */ b",
    "a /* two\nlines */",
    "/**/",
]


@pytest.mark.parametrize("text", LEGAL)
def test_ordinary_search_syntax_passes_unchanged(text: str) -> None:
    assert harmless(text) == text
    assert TypeAdapter(argument_types.QueryText).validate_python(text) == text


@pytest.mark.parametrize("text", REFUSED)
def test_markup_and_injection_shapes_are_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="must not contain"):
        harmless(text)
    with pytest.raises(ValidationError):
        TypeAdapter(argument_types.QueryText).validate_python(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("ket\u200btle", "kettle"),
        ("\ufeffkettle\u200d", "kettle"),
        ("k\u202eettle\u2066", "kettle"),
        ("ket\u00adtle", "kettle"),
        ("ket\u061c\u180etle", "kettle"),
        ("kettle\U000e0041\U000e0042", "kettle"),
        ("ket\x00tle\x1b\x7f\x85", "kettle"),
        ("ket\ud83dtle", "kettle"),
        ("  kettle  ", "kettle"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_what_cannot_be_seen_is_removed(text: str, seen: str) -> None:
    assert clean(text) == seen


@pytest.mark.parametrize("value", [5, None, ["a"], True])
def test_what_is_not_text_is_left_to_the_type(value: Any) -> None:
    assert clean(value) is value


@pytest.mark.parametrize("text", ["<" * 2000, "<a " * 700, "/* " * 1000, "';" * 1000, "<a on" * 400, "<svg" * 500])
def test_shapes_are_looked_for_in_one_pass(text: str) -> None:
    assert harmless(text) == text


def test_what_is_too_long_is_not_looked_at() -> None:
    endless = "\u200b" * (argument_types.LONGEST + 1)
    assert clean(endless) is endless


def test_hidden_characters_cannot_hide_a_shape() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(argument_types.QueryText).validate_python("<scr\u200bipt>")


@pytest.mark.parametrize("kind", ["QueryText", "Community", "Communities", "UserName", "PostRef"])
@pytest.mark.parametrize("text", ["", "   ", "\u200b", "\x00\x01", "\n"])
def test_empty_afterwards_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(getattr(argument_types, kind)).validate_python(text)


def test_a_query_has_500_characters_at_most() -> None:
    query = TypeAdapter(argument_types.QueryText)
    assert query.validate_python("x" * 500 + "\u200b" * 50) == "x" * 500
    with pytest.raises(ValidationError):
        query.validate_python("x" * 501)


@pytest.mark.parametrize(
    ("kind", "text", "meant"),
    [
        (argument_types.Community, "/r/Kettles/", "Kettles"),
        (argument_types.Communities, "r/a1+r/b2", "a1+b2"),
        (argument_types.OptionalCommunity, "", ""),
        (argument_types.OptionalCommunity, "r/kettles", "kettles"),
        (argument_types.UserName, "u/tea\u200b_lover", "tea_lover"),
        (argument_types.CommentRef, "", ""),
        (argument_types.CommentRef, "t1_K1", "k1"),
        (argument_types.After, "t3_1abc2d", "t3_1abc2d"),
    ],
)
def test_names_become_bare(kind: Any, text: str, meant: str) -> None:
    assert TypeAdapter(kind).validate_python(text) == meant


@pytest.mark.parametrize("kind", ["Community", "UserName", "CommentRef", "After"])
def test_a_refusal_says_what_is_wrong_and_not_what_was_sent(kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(getattr(argument_types, kind)).validate_python("../secret value")
    (error,) = caught.value.errors(include_input=False, include_url=False)
    assert "secret" not in error["msg"]


@given(st.text(max_size=500))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert isinstance(once, str)
    once.encode()
