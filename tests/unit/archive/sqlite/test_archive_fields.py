"""Fields of every age and shape are read, or left out; nothing raises."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.archive.sqlite import raw_fields

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("abc", int("abc", 36)),
        ("t3_abc", int("abc", 36)),
        ("T1_ABC", int("abc", 36)),
        (" abc ", int("abc", 36)),
        (87, int("87", 36)),
        (87.0, int("87", 36)),
        (38_463_847_563, 38_463_847_563),
        ("zzzzzzzzzzzzz", None),
        ("a-b", None),
        ("", None),
        (-5, None),
        (True, None),
        (None, None),
        (float("nan"), None),
        ({"id": 1}, None),
    ],
)
def test_identity(value: Any, number: int | None) -> None:
    assert raw_fields.identity(value) == number


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_base36_is_the_inverse_of_identity(number: int) -> None:
    assert raw_fields.identity(raw_fields.base36(number)) == number


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1230000000", 1_230_000_000),
        (1_230_000_000.9, 1_230_000_000),
        (1_230_000_000, 1_230_000_000),
        (0, None),
        (-1, None),
        (9e18, None),
        ("soon", None),
        (None, None),
        (10**400, None),
        ("1e400", None),
        (True, None),
    ],
)
def test_moment(value: Any, seconds: int | None) -> None:
    assert raw_fields.moment(value) == seconds


@pytest.mark.parametrize(
    ("value", "share"), [(0.5, 0.5), ("0.5", 0.5), (1, 1.0), (1.1, None), (-1, None), ("nan", None), (None, None)]
)
def test_ratio(value: Any, share: float | None) -> None:
    assert raw_fields.ratio(value) == share


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"subreddit": "Python"}, "Python"),
        ({"subreddit": 2048}, "2048"),
        ({"permalink": "/r/Python/comments/1/x/"}, "Python"),
        ({"subreddit": "a/b"}, None),
        ({"permalink": "/user/x"}, None),
        ({}, None),
    ],
)
def test_community(data: dict[str, Any], name: str | None) -> None:
    assert raw_fields.community(data) == name


@pytest.mark.parametrize("value", ["[deleted]", "[removed]", "", None, 1.5])
def test_an_author_who_is_gone_has_no_account(value: Any) -> None:
    assert raw_fields.account({"author": value}) is None


@pytest.mark.parametrize(
    ("value", "yes"), [(True, True), (1, True), ("true", True), (False, False), ("no", False), ([1], False)]
)
def test_flag(value: Any, yes: bool) -> None:
    assert raw_fields.flag(value) is yes


def test_text_loses_what_utf8_cannot_carry() -> None:
    assert raw_fields.text("a\ud800b") == "a?b"


@given(ANYTHING)
def test_nothing_raises(value: Any) -> None:
    for read in (
        raw_fields.whole,
        raw_fields.ratio,
        raw_fields.moment,
        raw_fields.text,
        raw_fields.flag,
        raw_fields.identity,
    ):
        read(value)
    raw_fields.account({"author": value})
    raw_fields.community({"subreddit": value, "permalink": value})
