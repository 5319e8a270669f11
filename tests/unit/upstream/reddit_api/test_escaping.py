"""Reddit's HTML escapes: seen and undone once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.upstream.reddit_api.parsing import escaped, unescaped

RAW = {"data": {"title": "a < b && c", "selftext_html": "<p>a &lt; b &amp;&amp; c</p>"}}
LITERAL = {"data": {"title": "how to type &lt;", "url": "https://x.example/?a=1&b=2"}}


def escape(value: Any) -> bytes:
    """What Reddit sends without raw_json."""
    return json.dumps(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").encode()


@pytest.mark.parametrize("value", [RAW, LITERAL])
def test_escaping_is_seen_and_undone_once(value: Any) -> None:
    assert escaped(escape(value))
    assert unescaped(escape(value)) == value


@pytest.mark.parametrize(
    "value", [RAW, LITERAL, {"title": "plain"}, {"html": '<a href="https://i.redd.it/x?a&amp;s=1">'}]
)
def test_raw_answers_are_left_alone(value: Any) -> None:
    assert not escaped(json.dumps(value).encode())


@given(st.tuples(st.text(), st.sampled_from("&<>"), st.text()).map("".join))
def test_every_escaped_text_comes_back(text: str) -> None:
    assert escaped(escape(text))
    assert unescaped(escape(text)) == text
