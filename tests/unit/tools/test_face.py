"""How failures look from outside."""

import json
from typing import Any

import pytest
from mcp.server.mcpserver.tools import Tool
from pydantic import ValidationError

from reddit_mcp import errors
from reddit_mcp.errors import Failure, Internal, InvalidInput
from reddit_mcp.tools import Services, specs
from reddit_mcp.tools.declaration import error_results

BRANCHES: list[tuple[type[Failure], int, str, str]] = [
    (errors.InvalidInput, -32602, "invalid_input", "validation"),
    (errors.Unauthenticated, -32001, "unauthenticated", "authentication"),
    (errors.Forbidden, -32002, "forbidden", "authentication"),
    (errors.NotFound, -32003, "not_found", "client_error"),
    (errors.RateLimited, -32004, "rate_limited", "rate_limit"),
    (errors.Unavailable, -32005, "unavailable", "server_error"),
    (errors.UpstreamError, -32006, "upstream_error", "external_api"),
    (errors.DeadlineExceeded, -32007, "timeout", "timeout"),
    (errors.Internal, -32603, "internal", "server_error"),
]
TOOLS: dict[str, Tool] = {spec.name: spec.bind(Services.__new__(Services)) for spec in specs()}


def invalid(tool: str, **arguments: Any) -> InvalidInput:
    with pytest.raises(ValidationError) as caught:
        TOOLS[tool].fn_metadata.arg_model.model_validate(arguments)
    return error_results.invalid(caught.value, TOOLS[tool].parameters)


@pytest.mark.parametrize(("branch", "code", "kind", "category"), BRANCHES)
def test_each_branch_of_the_tree(branch: type[Failure], code: int, kind: str, category: str) -> None:
    failure = branch("The kettle is cold.", resource="kettle", nothing=None)
    result = error_results.shown(failure, "trace-1")
    expected = {
        "error": {
            "code": code,
            "type": kind,
            "message": "The kettle is cold.",
            "data": {"category": category, "trace_id": "trace-1", "resource": "kettle"},
        }
    }
    assert result.is_error is True
    assert result.structured_content == expected
    (content,) = result.content
    sentence, _, text = content.text.partition("\n")  # type: ignore[union-attr]
    assert sentence == "The kettle is cold."
    assert json.loads(text) == expected
    assert text == json.dumps(expected, separators=(",", ":"))


def test_a_bug_tells_nothing() -> None:
    failure = error_results.bug(RuntimeError("secret=/home/x"), development=False)
    assert isinstance(failure, Internal)
    assert failure.data == {"error_type": "internal_error"}
    assert "secret" not in str(error_results.shown(failure, "t"))


def test_a_bug_tells_a_developer_everything() -> None:
    with pytest.raises(ValueError, match="the cause") as caught:
        int("the cause")
    failure = error_results.bug(caught.value, development=True)
    assert "the cause" in failure.data["stack"]
    assert "test_face.py" in failure.data["stack"]


def test_every_bad_argument_is_named() -> None:
    failure = invalid("search_reddit", query="", limit=101, sort="best", time_filter=5)
    assert {issue["field"] for issue in failure.data["issues"]} == {"query", "limit", "sort", "time_filter"}
    by_field = {issue["field"]: issue for issue in failure.data["issues"]}
    assert by_field["limit"] == {"field": "limit", "message": "is too large", "allowed": "a whole number from 1 to 100"}
    assert by_field["sort"]["allowed"] == "relevance, hot, top, new, comments"
    assert all(name in str(failure) for name in by_field)


@pytest.mark.parametrize(
    ("tool", "arguments", "field", "message"),
    [
        ("search_reddit", {}, "query", "is required"),
        ("search_reddit", {"query": "x" * 501}, "query", "is too long"),
        ("search_reddit", {"query": 5}, "query", "must be text"),
        ("search_reddit", {"query": "<script>x</script>"}, "query", "must not contain HTML that runs"),
        ("search_reddit", {"query": "x", "limit": 0}, "limit", "is too small"),
        ("search_reddit", {"query": "x", "limit": "many"}, "limit", "must be a whole number"),
        ("search_reddit", {"query": "x", "limit": 2.5}, "limit", "must be a whole number"),
        ("search_reddit", {"query": "x", "limit": [1]}, "limit", "must be a whole number"),
        ("search_reddit", {"query": "x", "limit": "9" * 5000}, "limit", "is too large a number"),
        ("search_reddit", {"query": "x", "after": "a b"}, "after", "has characters that are not allowed"),
        ("search_reddit", {"query": "x", "subreddit": "../me"}, "subreddit", "is not an address of Reddit's"),
        ("get_subreddit_posts", {"subreddit": "_x"}, "subreddit", "must be 2 to 21 letters"),
        ("get_user_info", {"username": "a b"}, "username", "must be 1 to 20 letters"),
        (
            "get_subreddit_info",
            {"subreddit": "kettles", "include_rules": "maybe"},
            "include_rules",
            "must be true or false",
        ),
        (
            "get_subreddit_info",
            {"subreddit": "kettles", "include_rules": [1]},
            "include_rules",
            "must be true or false",
        ),
        ("get_post_comments", {"post_id": "x", "max_depth": 11}, "max_depth", "is too large"),
        ("get_post_comments", {"post_id": "x", "comment_id": "a b"}, "comment_id", "must be a comment id"),
        ("watch_keywords", {"action": "create", "keywords": 5}, "keywords", "must be a list"),
        ("watch_keywords", {"action": "create", "keywords": ["x"] * 11}, "keywords", "has too many entries"),
        ("watch_keywords", {"action": "create", "keywords": ["tea", ""]}, "keywords.1", "must not be empty"),
        ("watch_keywords", {"action": "create", "subreddits": ["x"]}, "subreddits.0", "must be 2 to 21 letters"),
        ("watch_keywords", {"action": "stop"}, "action", "is not one of the allowed values"),
    ],
)
def test_what_was_wrong_and_what_is_allowed(tool: str, arguments: dict[str, Any], field: str, message: str) -> None:
    failure = invalid(tool, **arguments)
    (issue,) = failure.data["issues"]
    assert issue["field"] == field
    assert issue["message"].startswith(message)
    assert f"{field} {message}" in str(failure)
    assert str(failure).endswith(".")
    assert "None" not in str(failure)


@pytest.mark.parametrize(
    ("wrong", "right"), [("querry", "query"), ("q", ""), ("sub_reddit", "subreddit"), ("lim", "limit")]
)
def test_an_unknown_argument_names_the_closest_known_one(wrong: str, right: str) -> None:
    failure = invalid("search_reddit", query="x", **{wrong: 1})
    (issue,) = failure.data["issues"]
    assert issue["field"] == wrong
    assert issue["message"] == "is not an argument of this tool" + (f" (did you mean {right}?)" if right else "")
    assert "query" in issue["allowed"]


def test_thousands_of_unknown_arguments_make_a_short_answer() -> None:
    failure = invalid("search_reddit", query="x", **{f"{number}{'x' * 500}": 1 for number in range(5000)})
    assert len(failure.data["issues"]) == 20
    assert len(json.dumps(error_results.envelope(failure, "t"))) < 20_000


def test_the_values_sent_are_not_repeated() -> None:
    failure = invalid(
        "search_reddit", query="<script>my secret</script>", subreddit="other secret", after="third secret"
    )
    assert "secret" not in json.dumps(error_results.envelope(failure, "t"))


@pytest.mark.parametrize("tool", TOOLS)
def test_every_argument_can_say_what_it_allows(tool: str) -> None:
    for schema in TOOLS[tool].parameters["properties"].values():
        words = error_results.allowed_by(schema)
        assert words
        assert "None" not in words
