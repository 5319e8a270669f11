"""The tools over recorded Reddit traffic, compared field for field with a plain reading of the recording."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.reddit.praw import Application, Praw
from tests.recorded_reddit import Exchange, Session, exchanges
from tests.scripted_reddit import Reply, Request, ScriptedReddit, token
from tests.shapes import t2
from tests.tools_in_process import call, server_over

Json = Any
WEB = "https://www.reddit.com"
LISTINGS = ("listing_sub", "listing_front", "listing_domain", "listing_multi", "by_id", "duplicates")


class Recorded:
    """A server with our tools over a scripted Reddit."""

    def __init__(self, reddit: ScriptedReddit) -> None:
        self.reddit = reddit
        self.praw = Praw(Application("id", "secret", "test:kettles:1 (by /u/nobody)", reddit.url, reddit.url, 30))
        self._server = server_over(self.praw, lambda: self.praw.budget.remaining)

    async def call(self, tool: str, **arguments: Json) -> Json:
        """The structured content of a tool's answer."""
        self.reddit.requests.clear()
        return await call(self._server, tool, **arguments)

    async def told(self, exchange: Exchange, tool: str, **arguments: Json) -> Json:
        """The tool's answer when Reddit gives this recorded one."""
        self.reddit.answer = lambda _request: exchange.reply
        return await self.call(tool, **arguments)


@pytest.fixture
def reddit() -> Iterator[ScriptedReddit]:
    server = ScriptedReddit()
    with server.running():
        yield server


@pytest.fixture
async def recorded(reddit: ScriptedReddit) -> AsyncIterator[Recorded]:
    opened = Recorded(reddit)
    yield opened
    await opened.praw.aclose()


# a plain reading of Reddit's JSON


def typed(value: Json, exchange: Exchange) -> str:
    """A text as its author typed it."""
    if not isinstance(value, str):
        return ""
    return value if exchange.raw else value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def full_post(data: Json, exchange: Exchange) -> Json:
    return {
        "type": "post",
        "id": data["id"],
        "title": typed(data["title"], exchange),
        "author": data["author"] or "[deleted]",
        "subreddit": data["subreddit"],
        "created_utc": int(data["created_utc"]),
        "score": data["score"],
        "upvote_ratio": data.get("upvote_ratio"),
        "num_comments": data["num_comments"],
        "url": (WEB if data["url"].startswith("/") else "") + typed(data["url"], exchange),
        "permalink": WEB + data["permalink"],
        "selftext": typed(data["selftext"], exchange),
        "link_flair_text": typed(data["link_flair_text"], exchange) or None,
        "is_self": data["is_self"],
        "is_video": bool(data.get("is_video")),
        "over_18": bool(data["over_18"]),
        "spoiler": bool(data.get("spoiler")),
        "stickied": bool(data["stickied"]),
    }


def full_comment(data: Json, exchange: Exchange, depth: int) -> Json:
    return {
        "type": "comment",
        "id": data["id"],
        "author": data["author"] or "[deleted]",
        "body": typed(data["body"], exchange),
        "score": data["score"],
        "created_utc": int(data["created_utc"]),
        "depth": depth,
        "parent_id": data["parent_id"],
        "is_submitter": bool(data.get("is_submitter")),
        "stickied": bool(data.get("stickied")),
        "distinguished": data.get("distinguished"),
    }


def of_kind(listing: Json, kind: str) -> list[Json]:
    return [child["data"] for child in listing["data"]["children"] if child["kind"] == kind]


def walk(listing: Json, depth: int = 0) -> Iterator[tuple[int, str, Json]]:
    for child in listing["data"]["children"]:
        yield depth, child["kind"], child["data"]
        if isinstance(child["data"].get("replies"), dict):
            yield from walk(child["data"]["replies"], depth + 1)


def flat(tree: list[Json]) -> Iterator[Json]:
    """A shown tree in reading order, each comment without its replies."""
    for comment in tree:
        yield {name: value for name, value in comment.items() if name != "replies"}
        yield from flat(comment["replies"])


def assert_posts(shown: list[Json], expected: list[Json], exchange: Exchange) -> None:
    assert len(shown) == len(expected), exchange.id
    for post, data in zip(shown, expected, strict=True):
        right = full_post(data, exchange)
        text = right["selftext"]
        if len(text) > 1000:
            assert post.pop("truncated") is True
            cut, right["selftext"] = post["selftext"], post["selftext"]
            assert cut.endswith("…")
            assert 790 <= len(cut) <= 1000
            assert text.startswith(cut[:-1])
        assert post == right, (exchange.id, data["id"])


def page_of(exchange: Exchange) -> tuple[list[Json], str | None]:
    """At most 100 things and the cursor behind them."""
    children = exchange.json["data"]["children"]
    things = [child for child in children if child["kind"] in ("t1", "t3")]
    if len(things) <= 100:
        return things, exchange.json["data"]["after"]
    return things[:100], f"{things[99]['kind']}_{things[99]['data']['id']}"


# good answers


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
        assert mood["analyzed_items"] == len(things)
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


# refusals and trouble


def expected_error(exchange: Exchange) -> tuple[str, str | None]:
    """Type and reason that a recorded refusal stands for."""
    reason = exchange.json.get("reason") if isinstance(exchange.json, dict) else None
    place = exchange.reply.headers.get("location", "")
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
        case status if 300 <= status < 400 and ("/subreddits/search" in place or "/submit" in place):
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
