"""The tools over recorded Reddit traffic, compared field for field with a plain reading of the recording."""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from reddit_mcp.tools.results import answer_size
from tests.support.recorded_reddit import Exchange, Session, exchanges
from tests.support.recorded_tools import (
    WEB,
    Json,
    Recorded,
    assert_posts,
    flat,
    full_comment,
    full_post,
    of_kind,
    page_of,
    typed,
    walk,
)
from tests.support.recorded_tools import recorded as recorded  # noqa: PLC0414 - fixtures
from tests.support.reddit_shapes import t2
from tests.support.scripted_reddit import Reply, Request
from tests.support.scripted_reddit import reddit as reddit  # noqa: PLC0414

LISTINGS = ("listing_sub", "listing_front", "listing_domain", "listing_multi", "by_id", "duplicates")


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers of any size, so that all of what was recorded can be compared."""
    monkeypatch.setattr(answer_size, "MOST_BYTES", 10**9)


async def test_no_answer_is_larger_than_its_bound(recorded: Recorded, corpus: Path) -> None:
    for exchange in exchanges(corpus, *LISTINGS, "comments"):
        if isinstance(exchange.json, dict):
            arguments = {"subreddit": "kettles", "limit": 100, "detail": "full"}
            content = await recorded.told(exchange, "get_subreddit_posts", **arguments)
        else:
            arguments = {"post_id": "1abc2d", "limit": 1000, "detail": "full"}
            content = await recorded.told(exchange, "get_post_comments", **arguments)
        assert len(json.dumps(content, ensure_ascii=False).encode()) < answer_size.MOST_BYTES * 1.1, exchange.id


@pytest.mark.usefixtures("whole")
async def test_listings(recorded: Recorded, corpus: Path) -> None:
    seen = 0
    for exchange in exchanges(corpus, *LISTINGS):
        if not isinstance(exchange.json, dict):
            continue
        content = await recorded.told(exchange, "get_subreddit_posts", subreddit="kettles", limit=100, detail="full")
        things, after = page_of(exchange)
        assert_posts(content["posts"], [thing["data"] for thing in things if thing["kind"] == "t3"], exchange)
        assert content["after"] == after, exchange.id
        seen += len(things)
    assert seen > 300


async def test_concise_listings_are_parts_of_full_ones_and_small(recorded: Recorded, corpus: Path) -> None:
    for exchange in exchanges(corpus, *LISTINGS):
        if not isinstance(exchange.json, dict):
            continue
        content = await recorded.told(exchange, "get_subreddit_posts", subreddit="kettles")
        assert len(content["posts"]) == min(25, len(of_kind(exchange.json, "t3")))
        for shown, data in zip(content["posts"], of_kind(exchange.json, "t3"), strict=False):
            right = full_post(data, exchange)
            for name in ("id", "author", "subreddit", "score", "num_comments", "created_utc"):
                assert shown[name] == right[name], (exchange.id, name)
            for name in ("title", "selftext"):
                assert right[name].startswith(shown[name].removesuffix("…")), (exchange.id, name)
            assert right["id"] in shown["permalink"]


async def test_searches(recorded: Recorded, corpus: Path) -> None:
    for exchange in exchanges(corpus, "search"):
        content = await recorded.told(exchange, "search_reddit", query="kettles", limit=100, detail="full")
        things, after = page_of(exchange)
        posts = [thing["data"] for thing in things if thing["kind"] == "t3"]
        assert_posts(content["results"], posts, exchange)
        assert (content["total_found"], content["after"]) == (len(posts), after), exchange.id


async def test_communities(recorded: Recorded, corpus: Path) -> None:
    for exchange in exchanges(corpus, "sub_about"):
        content = await recorded.told(exchange, "get_subreddit_info", subreddit="kettles")
        data = exchange.json["data"]
        active = data.get("active_user_count")
        assert content["subreddit"] == {
            "name": data["display_name"],
            "title": typed(data["title"], exchange),
            "description": typed(data["public_description"], exchange),
            "subscribers": data["subscribers"],
            "active_users": data.get("accounts_active") if active is None else active,
            "created_utc": int(data["created_utc"]),
            "over18": bool(data["over18"]),
            "url": WEB + data["url"],
        }, exchange.id
        assert content["rules"] == []


async def test_rules(recorded: Recorded, corpus: Path) -> None:
    about = exchanges(corpus, "sub_about")[0]
    for exchange in exchanges(corpus, "sub_rules"):

        def answer(request: Request, rules: Reply = exchange.reply) -> Reply:
            return rules if request.path.endswith("/rules") else about.reply

        recorded.reddit.answer = answer
        content = await recorded.call("get_subreddit_info", subreddit="kettles", include_rules=True)
        assert content["rules"] == [
            {
                "short_name": typed(rule["short_name"], exchange),
                "description": typed(rule["description"], exchange),
                "kind": rule["kind"],
            }
            for rule in exchange.json["rules"]
        ], exchange.id


async def test_users(recorded: Recorded, corpus: Path) -> None:
    for exchange in exchanges(corpus, "user_about"):
        content = await recorded.told(exchange, "get_user_info", username="tea_lover")
        data = exchange.json["data"]
        assert content["user"] == {
            "username": data["name"],
            "created_utc": int(data["created_utc"]),
            "link_karma": data["link_karma"],
            "comment_karma": data["comment_karma"],
            "is_gold": bool(data["is_gold"]),
            "is_mod": bool(data["is_mod"]),
            "has_verified_email": data.get("has_verified_email"),
        }, exchange.id


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    ("file", "include"), [("user_overview", "all"), ("user_submitted", "posts"), ("user_comments", "comments")]
)
async def test_what_users_wrote(recorded: Recorded, corpus: Path, file: str, include: str) -> None:
    for exchange in exchanges(corpus, file):

        def answer(request: Request, history: Reply = exchange.reply) -> Reply:
            return Reply(body=t2()) if request.path.endswith("/about") else history

        recorded.reddit.answer = answer
        content = await recorded.call("get_user_info", username="tea_lover", include=include, limit=100, detail="full")
        things, after = page_of(exchange)
        assert_posts(content["posts"], [thing["data"] for thing in things if thing["kind"] == "t3"], exchange)
        comments = [thing["data"] for thing in things if thing["kind"] == "t1"]
        assert [*flat(content["comments"])] == [full_comment(data, exchange, 0) for data in comments], exchange.id
        assert content["after"] == after
        assert content["metadata"]["reddit_api_calls"] == 2


@pytest.mark.usefixtures("whole")
async def test_threads(recorded: Recorded, corpus: Path) -> None:
    total = 0
    for exchange in exchanges(corpus, "comments"):
        content = await recorded.told(exchange, "get_post_comments", post_id="1abc2d", limit=1000, detail="full")
        nodes = [*walk(exchange.json[1])]
        (head,) = of_kind(exchange.json[0], "t3")
        assert_posts([content["post"]], [head], exchange)
        expected = [full_comment(data, exchange, depth) for depth, kind, data in nodes if kind == "t1"]
        assert [*flat(content["comments"])] == expected, exchange.id
        assert content["returned_comments"] == len(expected)
        assert content["total_comments"] == head["num_comments"]
        hidden = sum(max(data["count"], len(data["children"])) for _, kind, data in nodes if kind == "more")
        assert content["collapsed_comments"] == hidden, exchange.id
        total += len(expected)
    assert total > 1000


@pytest.mark.usefixtures("whole")
async def test_threads_that_grow(recorded: Recorded, corpus: Path) -> None:
    """Every comment of the tree and of each opened node is there once, below its parent."""
    sessions: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in exchanges(corpus, "comments", "morechildren"):
        sessions[exchange.session].append(exchange)
    grown = 0
    for members in sessions.values():
        for first in (each for each in members if each.path.startswith("/comments/") and each.path.count("/") == 2):
            for budget in (5, 1):
                grown += await grow(recorded, Session(members), first, budget)
    assert grown > 10


async def grow(recorded: Recorded, session: Session, first: Exchange, budget: int) -> int:
    """Let a recorded thread grow as far as it was recorded to; how many nodes were opened."""
    recorded.reddit.answer = session.answer
    content = await recorded.call(
        "get_post_comments", post_id=first.path.split("/")[2], limit=1000, expand_more=budget, detail="full"
    )
    if "degraded" in content["metadata"]:  # a node we would open was not recorded
        assert "HTTP 599" in content["metadata"]["degraded"]
        return 0
    comments: dict[str, Json] = {}
    hidden = 0
    for exchange in session.served:
        listing = {"data": {"children": exchange.json["json"]["data"]["things"]}} if exchange.method == "POST" else None
        for _, kind, data in walk(listing or exchange.json[1]):
            if kind == "t1":
                comments.setdefault(data["id"], full_comment(data, exchange, 0))
            else:
                hidden += max(data["count"], len(data["children"]))
    shown = {comment["id"]: comment for comment in flat(content["comments"])}
    assert len(shown) == content["returned_comments"]
    assert set(shown) == set(comments)
    for identity, comment in shown.items():
        assert {**comment, "depth": 0} == comments[identity]
        parent = shown.get(comment["parent_id"].removeprefix("t1_"))
        assert comment["depth"] == (parent["depth"] + 1 if parent else 0)
    opened = len(session.served) - 1
    assert opened <= budget
    assert content["metadata"]["reddit_api_calls"] == len(session.served)
    assert content["collapsed_comments"] <= hidden
    return opened


async def test_sentiment_and_trends_of_recorded_communities(recorded: Recorded, corpus: Path) -> None:
    for exchange in exchanges(corpus, *LISTINGS):
        if not isinstance(exchange.json, dict):
            continue
        mood = await recorded.told(exchange, "analyze_sentiment", content_type="subreddit", content_id="kettles")
        things = page_of(exchange)[0]
        read = mood["analyzed_items"] + mood["languages"]["skipped"]
        assert bool(things) <= read <= len(things)  # near-copies count once
        assert -1 <= mood["overall_sentiment"]["score"] <= 1
        trends = await recorded.told(exchange, "get_trending_topics", scope="subreddit", subreddit="kettles")
        assert trends["posts_analyzed"] == len(of_kind(exchange.json, "t3"))
        assert all(topic["mentions"] >= 3 for topic in trends["trending_topics"])


async def test_rate_limit_headers(recorded: Recorded, corpus: Path) -> None:
    told = 0
    for exchange in exchanges(corpus, "sub_about", "user_about"):
        await recorded.told(exchange, "get_subreddit_info", subreddit="kettles")
        if remaining := exchange.reply.headers.get("x-ratelimit-remaining"):
            assert recorded.praw.budget.remaining == int(float(remaining))
            told += 1
    assert told > 10
