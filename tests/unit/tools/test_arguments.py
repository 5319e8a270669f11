"""What hosts make of arguments on their way, and what is understood of it."""

from typing import Any

import pytest

from reddit_mcp.tools.declaration.argument_forms import tolerant
from reddit_mcp.tools.declaration.argument_types import LONGEST

PROPERTIES: dict[str, Any] = {
    "sort": {"type": "string", "enum": ["hot", "top"], "default": "hot"},
    "subreddit": {"type": "string", "default": "all"},
    "after": {"type": "string", "default": ""},
    "query": {"type": "string"},
    "limit": {"type": "integer", "default": 25},
    "include_rules": {"type": "boolean", "default": False},
    "subreddits": {"type": "array", "items": {"type": "string"}, "default": []},
    "keywords": {"type": "array", "items": {"type": "string"}, "default": []},
}


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("sort", "Top", "top"),
        ("sort", " TOP ", "top"),
        ("sort", "best", "best"),
        ("sort", ["top"], ["top"]),
        ("subreddit", ["a1", "b2"], "a1+b2"),
        ("subreddit", "a1,b2", "a1,b2"),
        ("subreddit", 2007, 2007),
        ("query", ["a", "b"], ["a", "b"]),
        ("subreddits", "r/a1, r/b2", ["r/a1", "r/b2"]),
        ("subreddits", "a1+b2", ["a1", "b2"]),
        ("subreddits", '["a1", "b2"]', ["a1", "b2"]),
        ("subreddits", ["a1"], ["a1"]),
        ("after", "", ""),
        ("query", "", ""),
        ("query", "  two ", "  two "),
        ("limit", "25", "25"),
        ("limit", " 25.0 ", "25"),
        ("limit", 25, 25),
        ("include_rules", "True", "true"),
        ("include_rules", True, True),
        ("keywords", "black tea", ["black tea"]),
        ("keywords", '["tea", "pot"]', ["tea", "pot"]),
        ("keywords", "[tea", ["[tea"]),
        ("keywords", ["tea"], ["tea"]),
        ("keywords", {"tea": 1}, {"tea": 1}),
        ("unknown", "", ""),
    ],
)
def test_what_is_meant(name: str, value: Any, meant: Any) -> None:
    assert tolerant({name: value}, PROPERTIES) == {name: meant}


@pytest.mark.parametrize(("name", "value"), [("sort", ""), ("subreddit", " "), ("limit", ""), ("keywords", "")])
def test_an_empty_text_is_the_default(name: str, value: str) -> None:
    assert tolerant({name: value, "query": "tea"}, PROPERTIES) == {"query": "tea"}


@pytest.mark.parametrize("name", PROPERTIES)
def test_what_is_too_long_is_not_looked_at(name: str) -> None:
    endless = " " * (LONGEST + 1)
    assert tolerant({name: endless}, PROPERTIES)[name] is endless


@pytest.mark.parametrize("given", [None, 5, [], "text"])
def test_what_are_no_arguments_is_left_to_the_model(given: Any) -> None:
    assert tolerant(given, PROPERTIES) is given
