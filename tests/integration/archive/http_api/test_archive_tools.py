"""Every tool of the real server over recorded data."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.archive.sqlite.raw_fields import base36
from tests.support.server_process import environment, server
from tests.support.tool_calls import Json, asking


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    """The recorded things, imported as users do it."""
    folder = tmp_path_factory.mktemp("archive")
    db = folder / "recorded.sqlite"
    words = [sys.executable, "-m", "reddit_mcp", "archive", "import", str(corpus / "things"), "--db", str(db)]
    ended = subprocess.run(
        words, env=environment(folder), cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    told = re.search(r"([\d,]+) posts, ([\d,]+) comments", ended.stdout)
    assert told
    assert all(int(number.replace(",", "")) > 1_000 for number in told.groups())
    return db


@pytest.fixture(scope="module")
def recorded_url(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("data"), ARCHIVE_DB=str(archive)) as url:
        yield url


def rows(archive: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(archive)) as db:
        return db.execute(query).fetchall()


async def test_posts_of_everything_in_every_order(recorded_url: str, archive: Path) -> None:
    oldest, newest = rows(archive, "SELECT oldest, newest FROM span")[0]
    async with asking(recorded_url) as ask:
        for sort in ("hot", "new", "top", "controversial"):
            answer = await ask("get_subreddit_posts", subreddit="all", sort=sort, time_filter="all", limit=100)
            assert len(answer["posts"]) == 100
            assert answer["after"]
            metadata = answer["metadata"]
            assert (metadata["source"], metadata["archive_from"], metadata["archive_to"]) == ("archive", oldest, newest)
        top = await ask("get_subreddit_posts", subreddit="all", sort="top", time_filter="all", limit=100, detail="full")
        best = rows(archive, "SELECT score FROM post ORDER BY score DESC LIMIT 100")
        assert [post["score"] for post in top["posts"]] == [score for (score,) in best]
        rest = await ask(
            "get_subreddit_posts", subreddit="all", sort="top", time_filter="all", limit=100, after=top["after"]
        )
        assert not {post["id"] for post in top["posts"]} & {post["id"] for post in rest["posts"]}


async def test_posts_of_the_biggest_community(recorded_url: str, archive: Path) -> None:
    biggest = "SELECT name, count(*) FROM post JOIN community c ON c.id = community GROUP BY c.id ORDER BY 2 DESC"
    name, count = rows(archive, biggest)[0]
    async with asking(recorded_url) as ask:
        answer = await ask("get_subreddit_posts", subreddit=f"r/{name}/", sort="new", limit=100)
    assert len(answer["posts"]) == min(count, 100)
    assert {post["subreddit"].lower() for post in answer["posts"]} == {name.lower()}


async def test_search_finds_a_post_by_words_of_its_title(recorded_url: str, archive: Path) -> None:
    titles = rows(archive, "SELECT title FROM post WHERE title GLOB '[A-Za-z ]*' ORDER BY length(title) DESC LIMIT 5")
    async with asking(recorded_url) as ask:
        for (title,) in titles:
            words = re.findall("[A-Za-z]+", title)[:6]
            found = await ask("search_reddit", query=" ".join(words), time_filter="all", detail="full", limit=100)
            assert title in [each["title"] for each in found["results"]]
        nothing = await ask("search_reddit", query="qxzjvkwp", time_filter="all")
    assert (nothing["results"], nothing["total_found"]) == ([], 0)


LONGEST_THREAD = """
    WITH RECURSIVE
        longest AS (SELECT post AS id FROM comment WHERE post IN (SELECT id FROM post)
            GROUP BY post ORDER BY count(*) DESC LIMIT 1),
        thread AS (SELECT comment.id, parent FROM comment JOIN longest ON longest.id = post),
        placed AS (SELECT id, 0 AS depth FROM thread WHERE ifnull(parent NOT IN (SELECT id FROM thread), 1)
            UNION ALL SELECT thread.id, depth + 1 FROM thread JOIN placed ON parent = placed.id)
    SELECT (SELECT id FROM longest), count(*), sum(depth < 10) FROM placed
"""


async def test_the_comments_of_the_longest_thread(recorded_url: str, archive: Path) -> None:
    number, count, shallow = rows(archive, LONGEST_THREAD)[0]
    post = base36(number)
    async with asking(recorded_url) as ask:
        answer = await ask("get_post_comments", post_id=post, limit=1000, expand_more=5)
        flat = list(flattened(answer["comments"]))
        below = next(each for each in flat if each["replies"])
        branch = await ask("get_post_comments", post_id=post, comment_id=below["id"])
    assert answer["post"]["id"] == post
    assert answer["returned_comments"] == len(flat) == len({each["id"] for each in flat})
    assert shallow <= len(flat) + answer["collapsed_comments"] <= count  # Reddit counts nothing ten levels down
    assert branch["comments"][0]["id"] == below["id"]


def flattened(comments: list[Json]) -> Iterator[Json]:
    for each in comments:
        yield each
        yield from flattened(each["replies"])


async def test_users(recorded_url: str, archive: Path) -> None:
    writers = """SELECT name, count(*) FROM comment JOIN account a ON a.id = author WHERE a.data IS NOT NULL
        GROUP BY a.id ORDER BY 2 DESC LIMIT 3"""
    async with asking(recorded_url) as ask:
        for name, count in rows(archive, writers):
            answer = await ask("get_user_info", username=name, include="comments", limit=100)
            assert answer["user"]["username"].lower() == name.lower()
            assert len(answer["comments"]) == min(count, 100)
        unknown = await ask("get_user_info", username="nobody_of_this_name")
    assert unknown["error"]["type"] == "not_found"


async def test_communities(recorded_url: str, archive: Path) -> None:
    described = "SELECT name, subscribers FROM community WHERE subscribers > 0 ORDER BY subscribers DESC LIMIT 5"
    async with asking(recorded_url) as ask:
        for name, subscribers in rows(archive, described):
            answer = await ask("get_subreddit_info", subreddit=name, include_rules=True)
            assert (answer["subreddit"]["name"], answer["subreddit"]["subscribers"]) == (name, subscribers)
            assert isinstance(answer["rules"], list)


async def test_trends(recorded_url: str) -> None:
    async with asking(recorded_url) as ask:
        answer = await ask("get_trending_topics", timeframe="hour", limit=50)
    assert answer["posts_analyzed"] >= 100
    assert all(topic["mentions"] >= 3 for topic in answer["trending_topics"])


@pytest.mark.parametrize("content_type", ["post", "comment", "thread", "search_results", "subreddit", "user"])
async def test_sentiment(recorded_url: str, archive: Path, content_type: str) -> None:
    post, comment, community, user = rows(
        archive,
        """SELECT comment.post, comment.id, c.name, a.name FROM comment JOIN post ON post.id = comment.post
        JOIN community c ON c.id = post.community JOIN account a ON a.id = comment.author
        GROUP BY comment.post ORDER BY count(*) DESC LIMIT 1""",
    )[0]
    content = {
        "post": base36(post),
        "thread": base36(post),
        "comment": base36(comment),
        "search_results": "good OR bad",
        "subreddit": community,
        "user": user,
    }
    async with asking(recorded_url) as ask:
        answer = await ask(
            "analyze_sentiment", content_type=content_type, content_id=content[content_type], time_filter="all"
        )
    assert answer["analyzed_items"] >= 1
    assert -1 <= answer["overall_sentiment"]["score"] <= 1
    assert sum(answer["overall_sentiment"]["distribution"].values()) > 0


async def test_watches(recorded_url: str) -> None:
    async with asking(recorded_url) as ask:
        made = await ask("watch_keywords", action="create", keywords=["Kettle"])
        listed = await ask("watch_keywords", action="list")
        gone = await ask("watch_keywords", action="delete", watch_id=made["watch"]["watch_id"])
    assert [watch["keywords"] for watch in listed["watches"]] == [["kettle"]]
    assert "error" not in gone
