"""Pulling 50,000 posts and their comments from a fake Arctic Shift into an archive, killed twice on the way.

    python -m benchmarks.archive_pull [--posts 50000]

The fake answers at once, and its budget is wide: what is measured is the command. The section goes into
docs/benchmarks.md.
"""

import argparse
import asyncio
import bisect
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import report
from tests.support.fake_arctic_shift import NOW, FakeArcticShift, comment, post
from tests.support.fake_arctic_shift.things import DAY
from tests.support.server_process import environment

SPAN = 300 * DAY


class Sorted(FakeArcticShift):
    """Finds a stretch of time at once, however much there is."""

    def sort(self) -> None:
        """Prepare, when all things are there."""
        self.rows = {"/api/posts/search": self.posts, "/api/comments/search": self.comments}
        self.times = {path: [row["created_utc"] for row in rows] for path, rows in self.rows.items()}

    def _routes(self) -> dict[str, Any]:
        return super()._routes() | {path: lambda given, path=path: self._found(path, given) for path in self.rows}

    def _found(self, path: str, given: dict[str, str]) -> list[Any]:
        limit = 1000 if given["limit"] == "auto" else int(given["limit"])
        start = bisect.bisect_right(self.times[path], int(given.get("after", 0)))
        end = bisect.bisect_left(self.times[path], int(given["before"]))
        return self.rows[path][start:end][:limit]


def furnished(posts: int) -> Sorted:
    fake, step = Sorted(), SPAN // posts
    fake.posts = [post(f"p{n}", SPAN - n * step, title=f"Kettle {n}", num_comments=2) for n in range(posts)]
    fake.comments = [comment(f"c{n}", f"p{n // 2}", age=SPAN - n // 2 * step - 60) for n in range(2 * posts)]
    fake.sort()
    return fake


async def run(folder: Path, url: str, kill_at: int = 0) -> None:
    """The command, to its end or until so many things are in the archive."""
    words = ["archive", "pull", "--subreddit", "kettles", "--since", str(NOW - SPAN - DAY), "--until", str(NOW)]
    settings = {"ARCTIC_SHIFT_URL": url, "ARCTIC_SHIFT_QPM": "60000"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "reddit_mcp", *words, env=environment(folder, **settings), stdout=subprocess.DEVNULL
    )
    while kill_at and sum(counts(folder)) < kill_at:  # noqa: ASYNC110 - another process writes
        await asyncio.sleep(0.05)
    if kill_at:
        process.kill()
    await process.wait()


def counts(folder: Path) -> list[int]:
    """How many posts and comments are there."""
    try:
        with closing(sqlite3.connect(folder / "archive.sqlite")) as db:
            return [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("post", "comment")]
    except sqlite3.Error:
        return [0, 0]


async def measure(posts: int) -> list[str]:
    fake = furnished(posts)
    with tempfile.TemporaryDirectory() as name:
        async with fake.running() as url:
            began = time.perf_counter()
            for kill_at in (posts // 2, 2 * posts, 0):
                await run(Path(name), url, kill_at)
            seconds = time.perf_counter() - began
        found = counts(Path(name))
    return [
        f"| posts in the archive, after it was killed twice | {found[0]:,} | {posts:,} |",
        f"| comments | {found[1]:,} | {2 * posts:,} |",
        f"| requests | {len(fake.asked):,} | about {3 * posts // 100:,} |",
        f"| things a second | {sum(found) / seconds:,.0f} | |",
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--posts", type=int, default=50_000)
    section = (
        f"## Filling an archive\n\n`python -m benchmarks.archive_pull`, {report.when_and_where()}.\n\n"
        "| what | measured | expected |\n|---|---|---|\n" + "\n".join(asyncio.run(measure(parser.parse_args().posts)))
    )
    report.write("archive_pull", section)
    print(section)
