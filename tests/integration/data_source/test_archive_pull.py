"""`archive pull` over a fake Arctic Shift: complete and without doubles, whatever ends it; then the server answers."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from reddit_mcp.archive.sqlite.archive_gaps import Gaps, gaps
from tests.support.fake_arctic_shift import NOW, FakeArcticShift, comment, post
from tests.support.fake_arctic_shift.server import Reply
from tests.support.fake_arctic_shift.things import DAY
from tests.support.patience import PATIENCE_SECONDS
from tests.support.server_process import environment, server_beside
from tests.support.tool_calls import asking

POSTS = COMMENTS = 1_200
WORDS = ("archive", "pull", "--subreddit", "kettles", "--since", str(NOW - 30 * DAY), "--until", str(NOW))
DB = "archive.sqlite"


@pytest.fixture
async def fake() -> AsyncIterator[FakeArcticShift]:
    """A month of a community, in which some seconds hold many things."""
    found = FakeArcticShift()
    found.posts = [post(f"p{n}", DAY + n // 5 * 60, title=f"Kettle {n}", num_comments=1) for n in range(POSTS)]
    found.comments = [comment(f"c{n}", f"p{n}", age=DAY + n // 300) for n in range(COMMENTS)]
    yield found
    found.closing.set()


async def started(folder: Path, url: str, *words: str) -> asyncio.subprocess.Process:
    settings = {"ARCTIC_SHIFT_URL": url, "ARCTIC_SHIFT_QPM": "60000"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "reddit_mcp", *(words or WORDS), env=environment(folder, **settings), cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


async def pulled(folder: Path, url: str, *words: str) -> tuple[int, str, str]:
    """Run it to its end: exit code, standard output and errors."""
    process = await started(folder, url, *words)
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    return process.returncode or 0, out.decode(), err.decode()


def ids(folder: Path, table: str) -> list[int]:
    with closing(sqlite3.connect(folder / DB)) as db:
        return [row[0] for row in db.execute(f"SELECT id FROM {table} ORDER BY id")]


async def test_killed_twice_it_ends_complete_and_without_doubles(fake: FakeArcticShift, tmp_path: Path) -> None:
    async with fake.running() as url:
        for requests in (6, 18):
            process = await started(tmp_path, url)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(fake.asked) < requests:  # noqa: ASYNC110 - another process asks
                    await asyncio.sleep(0.005)
            process.kill()
            await process.communicate()
            assert len(ids(tmp_path, "post")) > 0
        code, out, err = await pulled(tmp_path, url)
    assert (code, err) == (0, "")
    assert len(ids(tmp_path, "post")) == POSTS
    assert len(ids(tmp_path, "comment")) == COMMENTS
    assert f"{POSTS} posts and {COMMENTS} comments" in out
    assert "Nothing is missing" in out


async def test_the_server_answers_from_it(fake: FakeArcticShift, tmp_path: Path) -> None:
    async with fake.running() as url:
        await pulled(tmp_path, url)
        asked = len(fake.asked)
        async with server_beside(tmp_path, ARCTIC_SHIFT_URL=url) as base, asking(base) as ask:
            listing = await ask("get_subreddit_posts", subreddit="kettles", sort="new", limit=5)
            thread = await ask("get_post_comments", post_id="p7")
    assert len(fake.asked) == asked
    assert listing["metadata"]["source"] == "archive"
    assert [each["title"] for each in listing["posts"]] == [f"Kettle {n}" for n in (4, 3, 2, 1, 0)]
    assert thread["returned_comments"] == 1


async def test_what_is_deleted_there_later_is_deleted_here(fake: FakeArcticShift, tmp_path: Path) -> None:
    """The end of what was complete is read again, when there has been a second look at it."""
    fake.posts, fake.comments = fake.posts[:3], fake.comments[:3]
    async with fake.running() as url:
        await pulled(tmp_path, url)
        for thing in (fake.posts[0], fake.comments[0]):
            thing["_meta"] = {"was_deleted_later": True, "removal_type": "deleted"}
        await pulled(tmp_path, url, *WORDS[:-1], str(NOW + 1))
    with closing(sqlite3.connect(tmp_path / DB)) as db:
        posts = db.execute("SELECT selftext, author IS NULL FROM post ORDER BY id").fetchall()
        comments = db.execute("SELECT author IS NULL FROM comment ORDER BY id").fetchall()
    assert [selftext for selftext, _ in posts].count("[deleted]") == 1
    assert [gone for _, gone in posts] == [gone for (gone,) in comments] == [1, 0, 0]


@pytest.mark.parametrize(
    "ill", [Reply(503), Reply(429, {"error": "slow"}, {"retry-after": "1"}), Reply(200, b"<html>")]
)
async def test_a_passing_illness_costs_a_wait(fake: FakeArcticShift, tmp_path: Path, ill: Reply) -> None:
    fake.posts, fake.comments = fake.posts[:150], fake.comments[:50]
    async with fake.running() as url:
        fake.replies = [ill]
        code, out, err = await pulled(tmp_path, url)
    assert (code, err) == (0, "")
    assert "150 posts and 50 comments" in out


async def test_what_is_missing_is_counted(fake: FakeArcticShift, tmp_path: Path) -> None:
    fake.posts, fake.comments = fake.posts[:3], fake.comments[2:5]
    fake.posts[0]["num_comments"] = 7
    async with fake.running() as url:
        _, out, _ = await pulled(tmp_path, url)
    assert gaps(tmp_path / DB, "kettles") == Gaps(posts=3, comments=3, orphans=2, missing=8)
    assert "8 comments that its posts count are not there; 2 comments belong to posts that are not there" in out
    assert gaps(tmp_path / DB, "nowhere") == Gaps()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--subreddit", "not a name!", "--since", "2025-01-01"), "no name of a community"),
        (("--subreddit", "kettles", "--since", "yesterday"), "since is not a time"),
        (("--subreddit", "kettles", "--since", "2025-01-02", "--until", "2025-01-01"), "since must be before until"),
    ],
)
async def test_a_mistake_is_one_line(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    code, out, err = await pulled(tmp_path, "http://127.0.0.1:9", "archive", "pull", *words)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert message in err
