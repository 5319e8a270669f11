"""The tools over recorded refusals: each is the failure that it stands for."""

from collections.abc import Callable
from pathlib import Path

from tests.support.recorded_reddit import Exchange, exchanges
from tests.support.recorded_tools import Json, Recorded
from tests.support.recorded_tools import recorded as recorded  # noqa: PLC0414 - fixtures
from tests.support.scripted_reddit import Reply, ScriptedReddit, token
from tests.support.scripted_reddit import reddit as reddit  # noqa: PLC0414


def expected_error(exchange: Exchange) -> tuple[str, str | None]:
    """Type and reason that a recorded refusal stands for."""
    reason = exchange.json.get("reason") if isinstance(exchange.json, dict) else None
    known = reason if reason in ("private", "gated", "quarantined", "banned") else None
    match exchange.status:
        case 400:
            return "invalid_input", None
        case 401:
            return "unavailable", "reddit_credentials"
        case 403 if not isinstance(exchange.json, dict):
            return "upstream_error", None
        case 403 | 404 | 451:
            return "not_found", known
        case 429:
            return "rate_limited", None
        case status if 300 <= status < 400:
            return "not_found", None
    return "upstream_error", None


def question_like(path: str) -> tuple[str, dict[str, Json]]:
    """The tool whose request this path is most like."""
    if path.startswith("/user/"):
        return "get_user_info", {"username": "tea_lover"}
    if path.startswith("/comments/") or "/comments/" in path:
        return "get_post_comments", {"post_id": "1abc2d"}
    if "/search" in path:
        return "search_reddit", {"query": "kettles"}
    if path.endswith(("/about", "/about/rules")):
        return "get_subreddit_info", {"subreddit": "kettles"}
    return "get_subreddit_posts", {"subreddit": "kettles"}


def assert_error(content: Json, exchange: Exchange, kind: str, reason: str | None) -> None:
    error = content["error"]
    assert (error["type"], error["data"].get("reason")) == (kind, reason), (exchange.id, error)
    assert error["data"]["trace_id"]
    assert error["message"].endswith(".")
    assert "<" not in error["message"], exchange.id
    assert len(error["message"]) < 300
    if kind == "rate_limited":
        assert error["data"]["retry_after_seconds"] > 0


async def test_every_recorded_refusal(recorded: Recorded, corpus: Path) -> None:
    found = exchanges(corpus, "errors_and_redirects", "quoted_errors")
    refused = [exchange for exchange in found if exchange.status >= 300 and "access_token" not in exchange.path]
    assert len(refused) > 90
    for exchange in refused:
        tool, arguments = question_like(exchange.path)
        content = await recorded.told(exchange, tool, **arguments)
        assert_error(content, exchange, *expected_error(exchange))
        asked = len(recorded.reddit.requests)
        assert asked == (2 if exchange.status == 401 else 1), exchange.id


async def test_recorded_refusals_inside_good_answers(recorded: Recorded, corpus: Path) -> None:
    for exchange in exchanges(corpus, "errors_and_redirects", "quoted_errors"):
        if exchange.status != 200:
            continue
        suspended = isinstance(exchange.json, dict) and exchange.json.get("data", {}).get("is_suspended")
        tool, arguments = question_like(exchange.path)
        content = await recorded.told(exchange, tool, **arguments)
        assert_error(content, exchange, *(("not_found", "suspended") if suspended else ("upstream_error", None)))


async def test_every_recorded_refusal_of_a_token(reddit: ScriptedReddit, corpus: Path) -> None:
    found = exchanges(corpus, "errors_and_redirects", "quoted_errors", "token")
    refused = [each for each in found if "access_token" in each.path and (each.status >= 300 or "error" in each.json)]
    assert refused
    for exchange in refused:
        reddit.token = refusing(exchange)
        recorded = Recorded(reddit)
        content = await recorded.call("get_subreddit_info", subreddit="kettles")
        await recorded.praw.aclose()
        assert_error(content, exchange, "unavailable", "reddit_credentials")
        assert reddit.requests == []
    reddit.token = token


def refusing(exchange: Exchange) -> Callable[[int], Reply]:
    return lambda _number: exchange.reply


async def test_nothing_recorded_is_a_bug_of_ours(recorded: Recorded, corpus: Path) -> None:
    """Any recorded answer to any question is an answer or a clear failure."""
    names = [path.stem for path in sorted((corpus / "exchanges").glob("*.jsonl"))]
    questions: list[tuple[str, dict[str, Json]]] = [
        ("get_user_info", {"username": "tea_lover", "include": "all"}),
        ("get_subreddit_info", {"subreddit": "kettles", "include_rules": True}),
        ("get_subreddit_posts", {"subreddit": "kettles"}),
        ("get_post_comments", {"post_id": "1abc2d", "expand_more": 1}),
        ("analyze_sentiment", {"content_type": "comment", "content_id": "k1"}),
    ]
    for number, exchange in enumerate(exchanges(corpus, *names)):
        tool, arguments = questions[number % len(questions)]
        content = await recorded.told(exchange, tool, **arguments)
        assert content.get("error", {}).get("type") != "internal", (exchange.id, tool)
