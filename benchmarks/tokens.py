"""What answers cost a model, beside what Reddit sent for them: characters, and tokens of a public tokenizer.

    .venv/bin/uv run --no-sync --with rs_bpe==0.1.0 python -m benchmarks.tokens CORPUS

The tokenizer is needed here alone; `pip install rs_bpe==0.1.0` and `python -m benchmarks.tokens CORPUS` do the same.
CORPUS is a folder of recorded exchanges with Reddit's API, as the tests take it (`TEST_CORPUS`). The tools answer over
the recorded bodies, cut to 25 posts or 100 comments before they are sent. The section goes into docs/benchmarks.md.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import report
from mcp.types import CallToolResult, TextContent
from rs_bpe.bpe import openai
from tests.support.recorded_reddit import Exchange, exchanges
from tests.support.redis_store import a_watch, fake_store
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.tools_in_process import NOW, server_over

from reddit_mcp.mcp_server.server import RedditServer
from reddit_mcp.models import LOCAL, Match
from reddit_mcp.observability import logs
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.watches.poll_records import Outcome, PollRecords
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.tools.results.compact_view import concise_post
from reddit_mcp.upstream.reddit_api.parsing import post
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication

Json = Any
POSTS, COMMENTS, PAGE, MATCHES = 25, 100, 100, 25
MOST_CHARACTERS = 9_000
"""Of a default answer with 25 posts."""

BOUND = f"at most {MOST_CHARACTERS:,}"
COMMAND = "uv run --no-sync --with rs_bpe==0.1.0 python -m benchmarks.tokens CORPUS"

LISTINGS = ("listing_sub", "listing_front", "listing_multi", "search")
TOKENIZER = openai.o200k_base()


@dataclass(frozen=True, slots=True)
class Size:
    """Of one text."""

    characters: int
    tokens: int

    @classmethod
    def of(cls, text: str) -> "Size":
        return cls(len(text), TOKENIZER.count(text))


@dataclass(frozen=True, slots=True)
class Question:
    """A tool's call, and the bodies that Reddit answers it with, by the end of their path."""

    tool: str
    arguments: Json
    bodies: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Row:
    """Answers of one kind: what Reddit sent for each, and how large each is by detail."""

    what: str
    sent: list[Size]
    concise: list[Size]
    full: list[Size]


def children(corpus: Path, *names: str) -> Iterator[list[Json]]:
    """The posts of each recorded page."""
    for exchange in _good(corpus, *names):
        if isinstance(exchange.json, dict) and exchange.json.get("kind") == "Listing":
            yield [child for child in exchange.json["data"]["children"] if child["kind"] == "t3"]


def _good(corpus: Path, *names: str) -> list[Exchange]:
    return [each for each in exchanges(corpus, *names) if each.status == 200]


def parts(pages: Iterator[list[Json]], size: int) -> list[Json]:
    """Listings of so many posts, out of the pages."""
    cut = [page[at : at + size] for page in pages for at in range(0, len(page) - size + 1, size)]
    return [listing(posts) for posts in cut]


def listing(things: Sequence[Json]) -> Json:
    """A page in Reddit's form."""
    facts = {"after": None, "dist": len(things), "modhash": None, "geo_filter": "", "before": None}
    return {"kind": "Listing", "data": {**facts, "children": list(things)}}


def threads(corpus: Path) -> Iterator[Json]:
    """Recorded threads with 100 comments or more, cut to the first 100."""
    for exchange in _good(corpus, "comments"):
        if isinstance(exchange.json, list) and len(exchange.json) == 2:
            left = [COMMENTS]
            kept = _first(exchange.json[1]["data"]["children"], left)
            if not left[0]:
                yield [exchange.json[0], listing(kept)]


def _first(things: list[Json], left: list[int]) -> list[Json]:
    """The first comments of a tree in reading order; `left` counts down."""
    kept = []
    for thing in things:
        if thing["kind"] != "t1" or not left[0]:
            continue
        left[0] -= 1
        data, replies = thing["data"], thing["data"].get("replies")
        inner = _first(replies["data"]["children"], left) if isinstance(replies, dict) else []
        kept.append({**thing, "data": {**data, "replies": listing(inner) if inner else ""}})
    return kept


def questions(corpus: Path) -> dict[str, list[Question]]:
    """What is asked, by what the row is called."""
    pages = parts(children(corpus, *LISTINGS), PAGE)
    users, communities = _good(corpus, "user_about"), _good(corpus, "sub_about")
    overviews = parts_of_overviews(corpus)
    return {
        f"{POSTS} posts": [
            Question("get_subreddit_posts", {"subreddit": "all", "limit": POSTS}, {"/hot": page})
            for page in parts(children(corpus, *LISTINGS), POSTS)
        ],
        f"{COMMENTS} comments of a post": [
            Question("get_post_comments", {"post_id": "1", "limit": COMMENTS}, {"/comments/1": thread})
            for thread in threads(corpus)
        ],
        "a user": [Question("get_user_info", {"username": "any"}, {"/about": each.json}) for each in users],
        f"a user with {POSTS} posts and comments": [
            Question(
                "get_user_info", {"username": "any", "include": "all"}, {"/about": users[0].json, "/overview": page}
            )
            for page in overviews
        ],
        "a community": [
            Question("get_subreddit_info", {"subreddit": "any"}, {"/about": each.json}) for each in communities
        ],
        f"trends of {PAGE} posts": [Question("get_trending_topics", {}, {"/new": page}) for page in pages],
        f"sentiment of {PAGE} posts": [
            Question("analyze_sentiment", {"content_type": "subreddit", "content_id": "any"}, {"/top": page})
            for page in pages
        ],
    }


def parts_of_overviews(corpus: Path) -> list[Json]:
    """Pages of posts and comments of one account."""
    pages = (each.json["data"]["children"] for each in _good(corpus, "user_overview"))
    return [listing(page[:POSTS]) for page in pages if len(page) >= POSTS]


async def text(server: RedditServer, tool: str, arguments: Json) -> str | None:
    """What a model reads; None where there is no answer."""
    result = await server.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert isinstance(result.content[0], TextContent)
    return None if result.is_error else result.content[0].text


async def measured(what: str, asked: list[Question], server: RedditServer, reddit: ScriptedReddit) -> Row:
    """The sizes of all answers of a kind."""
    row = Row(what, [], [], [])
    for question in asked:
        sent: list[str] = []
        reddit.answer = _answering(question, sent)
        has_detail = question.tool in ("get_subreddit_posts", "get_post_comments", "get_user_info")
        found = await text(server, question.tool, question.arguments)
        if found is None:  # a suspended account, a community that is gone
            continue
        row.sent.append(Size.of("".join(sent)))
        row.concise.append(Size.of(found))
        if has_detail:
            row.full.append(Size.of(await text(server, question.tool, {**question.arguments, "detail": "full"}) or ""))
    return row


def _answering(question: Question, sent: list[str]) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        body = next(each for end, each in question.bodies.items() if request.path.endswith(end))
        sent.append(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
        return Reply(body=body)

    return answer


async def matches(corpus: Path, store: Store, server: RedditServer) -> Row:
    """The matches of a watch, page by page of 25, beside the posts that Reddit sent."""
    row = Row(f"{MATCHES} matches of a watch", [], [], [])
    for page in parts(children(corpus, *LISTINGS), MATCHES):
        posts = page["data"]["children"]
        watch_id = await _stored(store, [concise_post(post(child["data"])) for child in posts])
        found = await text(server, "watch_keywords", {"action": "matches", "watch_id": watch_id})
        row.sent.append(Size.of(json.dumps(page, ensure_ascii=False, separators=(",", ":"))))
        row.concise.append(Size.of(found or ""))
        await WatchStore(store).delete(LOCAL.id, watch_id)
    return row


async def _stored(store: Store, posts: Sequence[Json]) -> str:
    """A watch that has found these posts."""
    watch = a_watch(LOCAL.id, keywords=["kettle"], next_check_utc=1)
    await WatchStore(store).create(watch, limit=1)
    (due,) = await PollRecords(store).due(NOW, 1)
    found = [
        Match(
            match_id=f"{watch.watch_id}-{shown['id']}", watch_id=watch.watch_id, keyword="kettle", post=shown,
            why="score 123 reaches 98, the 90th percentile of the last 100 posts", sentiment=0.1234, matched_utc=NOW,
        )
        for shown in posts
    ]  # fmt: skip
    await PollRecords(store).store(due, Outcome(NOW, NOW + 900, NOW, found, {}, None, {}))
    return watch.watch_id


def section(rows: Sequence[Row]) -> str:
    """The section of the report."""
    posts = rows[0]
    largest = max(size.characters for size in posts.concise)
    default = max(size.tokens for row in rows for size in row.concise)
    anything = max(size.tokens for row in rows for size in (*row.concise, *row.full))
    return "\n".join([
        "## What answers cost a model\n",
        f"`{COMMAND}`, {report.when_and_where()}. Characters / tokens",
        "of o200k_base (rs_bpe 0.1.0), medians over answers from recorded bodies of Reddit's, metadata included;",
        "what Reddit sent is its JSON without spaces.\n",
        "| what | answers | Reddit sent | concise (the default) | full | concise to sent, tokens |",
        "|---|---|---|---|---|---|",
        *map(_line, rows),
        "",
        "| bound | measured | target |\n|---|---|---|",
        f"| longest of {len(posts.concise)} default answers of {POSTS} posts, characters | {largest:,} | {BOUND} |",
        f"| largest default answer here, tokens | {default:,} | at most 8,000 |",
        f"| largest answer here, tokens | {anything:,} | at most 25,000 |",
    ])  # fmt: skip


def _line(row: Row) -> str:
    share = median(ours.tokens for ours in row.concise) / median(theirs.tokens for theirs in row.sent)
    cells = [row.what, str(len(row.concise)), *map(_medians, (row.sent, row.concise, row.full)), f"{share:.1%}"]
    return f"| {' | '.join(cells)} |"


def _medians(sizes: Sequence[Size]) -> str:
    if not sizes:
        return "-"
    return f"{median(size.characters for size in sizes):,.0f} / {median(size.tokens for size in sizes):,.0f}"


async def rows_over(corpus: Path) -> list[Row]:
    """Ask everything."""
    reddit = ScriptedReddit()
    with reddit.running():
        praw = PrawTransport(RedditApplication("id", "secret", "x:tokens:1 (by /u/nobody)", reddit.url, reddit.url, 30))
        async with fake_store() as store:
            server = server_over(praw, store=store)
            rows = [await measured(what, asked, server, reddit) for what, asked in questions(corpus).items()]
            rows.append(await matches(corpus, store, server))
        await praw.aclose()
    return rows


def main() -> int:
    """Measure and report; 1 where 25 posts are longer than they may be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="recorded exchanges with Reddit")
    logs.configure("ERROR")
    rows = asyncio.run(rows_over(parser.parse_args().corpus))
    body = section(rows)
    report.write("tokens", body)
    print(body)
    return int(max(size.characters for size in rows[0].concise) > MOST_CHARACTERS)


if __name__ == "__main__":
    sys.exit(main())
