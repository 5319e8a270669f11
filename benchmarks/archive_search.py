"""The archive with posts and ten times as many comments: import, size with and without the comment index, searches.

    python benchmarks/archive_search.py [--posts N] [--folder DIR] [--bare]

Posts and comments are made from a seed out of invented words, as frequent as words of a language are (Zipf's law), and
imported by the importer that users run. Questions go over HTTP, each is asked once. `--bare` imports a second time
without the comment index, to tell what it costs. The table goes into docs/benchmarks.md.
"""

import argparse
import json
import os
import platform
import random
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from archive import (
    AUTHORS,
    COMMUNITIES,
    EACH,
    NEWEST,
    REPORT,
    SEED,
    YEAR,
    Language,
    Question,
    Times,
    ask,
    lines,
    load,
    p95,
    say,
)

from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.archive.sqlite.raw_fields import base36
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore

COMMENTS_PER_POST = 10
LONGEST_COMMENT = 300  # words
# What nearly every comment in a dump carries and nothing here asks for.
USUAL: dict[str, Any] = {
    **dict.fromkeys("approved_at_utc approved_by banned_at_utc banned_by collapsed_reason distinguished".split()),
    **dict.fromkeys("mod_note mod_reason_by mod_reason_title num_reports removal_reason likes".split()),
    **dict.fromkeys("archived can_gild collapsed edited locked saved score_hidden stickied".split(), False),
    "all_awardings": [],
    "awarders": [],
    "mod_reports": [],
    "user_reports": [],
    "treatment_tags": [],
    "author_flair_richtext": [],
    "author_flair_type": "text",
    "subreddit_type": "public",
    "controversiality": 0,
    "gilded": 0,
    "gildings": {},
    "no_follow": True,
    "send_replies": True,
    "total_awards_received": 0,
}


def comments(posts: int, language: Language, rng: random.Random) -> Iterator[str]:
    """The lines of a dump of comments, oldest first: 30 words each on average."""
    count = posts * COMMENTS_PER_POST
    for at in range(count):
        link = max(at // COMMENTS_PER_POST - int(rng.expovariate(0.05)), 0)
        place = int(COMMUNITIES * rng.random() ** 3)
        comment = {
            **USUAL,
            "id": base36(10**10 + at),
            "body": language.text(min(1 + int(rng.expovariate(1 / 30)), LONGEST_COMMENT)),
            "subreddit": f"place{place}",
            "subreddit_id": f"t5_{base36(place + 1)}",
            "author": f"author{int(AUTHORS * rng.random() ** 2)}",
            "link_id": f"t3_{base36(10**9 + link)}",
            "parent_id": f"t3_{base36(10**9 + link)}",
            "created_utc": NEWEST - (count - at) * YEAR // count,
            "score": min(int(rng.paretovariate(0.7)), 50_000),
        }
        yield json.dumps(comment)


def questions(language: Language, rng: random.Random, kind: str) -> dict[str, list[Question]]:
    """Searches by kind; the words of each are of a frequency that the kind's name tells."""
    common, usual, rare = language.words[:50], language.words[500:5_000], language.words[20_000:]
    sorts = ("relevance", "new", "top", "hot", "comments")

    def asked(form: Callable[[], str], place: str = "", *, ranged: bool = False) -> list[Question]:
        return [(place or "/search", _search(form(), sorts[at % 5], kind, rng, ranged=ranged)) for at in range(EACH)]

    return {
        "a rare word": asked(lambda: rng.choice(rare)),
        "a usual word": asked(lambda: rng.choice(usual)),
        "a common word": asked(lambda: rng.choice(common)),
        "three common words": asked(lambda: " ".join(rng.sample(common, 3))),
        "a phrase of two common words": asked(lambda: f'"{" ".join(rng.sample(common, 2))}"'),
        "an author": asked(lambda: f"author:author{rng.randrange(100)}"),
        "a common word in a big community": asked(lambda: rng.choice(common), "/r/place0/search"),
        "a usual word in a range of days": asked(lambda: rng.choice(usual), ranged=True),
        "a common word in a range of days": asked(lambda: rng.choice(common), ranged=True),
    }


def _search(query: str, sort: str, kind: str, rng: random.Random, *, ranged: bool) -> dict[str, str | int]:
    asked: dict[str, str | int] = {"q": query, "sort": sort, "restrict_sr": "true", "limit": 100, "type": kind}
    if ranged:
        since = NEWEST - rng.randrange(YEAR)
        asked |= {"since": since, "until": since + rng.randrange(1, 90) * 86_400}
    return asked


def make(folder: Path, posts: int) -> Language:
    """Write both dumps."""
    rng = random.Random(SEED)
    language = Language(rng)
    for name, rows in (("RS.jsonl", lines(posts, language, rng)), ("RC.jsonl", comments(posts, language, rng))):
        with (folder / name).open("w", encoding="utf-8") as file:
            for at, row in enumerate(rows):
                file.write(row + "\n")
                if at % 1_000_000 == 0:
                    say(f"{name}: {at} lines made")
    return language


def sizes(db: Path) -> tuple[float, float]:
    """Gigabytes of the file and of the comment index in it."""
    with closing(sqlite3.connect(db)) as reader:
        used = dict(reader.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
    index = sum(size for name, size in used.items() if name.startswith("comment_words"))
    return sum(used.values()) / 1e9, index / 1e9


def section(posts: int, facts: list[str], found: dict[str, list[Times]]) -> str:
    """The section of the report."""
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load average {os.getloadavg()[2]:.1f} with this command"
    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    overall = {kind: p95([each for times in asked for each in times.all]) for kind, asked in found.items()}
    return "\n".join([
        f"## The archive with {posts:,} posts and {posts * COMMENTS_PER_POST:,} comments\n",
        f"`python benchmarks/archive_search.py --posts {posts}`, {datetime.now(UTC):%Y-%m-%d}, {python},",
        f"{machine}. Times are of whole HTTP answers of 100 things, in milliseconds.\n",
        "| what | measured | target |\n|---|---|---|",
        *facts,
        f"| search of posts, p95 | {overall['posts']:.0f} ms | under 300 ms |",
        f"| search of comments, p95 | {overall['comments']:.0f} ms | under 500 ms |\n",
        "| question | asked | p50 | p95 | longest |\n|---|---|---|---|---|",
        *(times.row() for asked in found.values() for times in asked),
    ])  # fmt: skip


def write(body: str) -> None:
    """Put the section between its markers, at the end of the report when it is new there."""
    start, end = "<!-- benchmark: archive search -->\n", "\n<!-- end: archive search -->"
    report = REPORT.read_text("utf-8")
    if start not in report:
        report += f"\n{start}{end}\n"
    REPORT.write_text(re.sub(f"{start}.*?{end}", lambda _: f"{start}{body}{end}", report, flags=re.DOTALL), "utf-8")


def imported(folder: Path, *, bare: bool) -> list[str]:
    """Import the dumps; gives rows of the table."""
    db = folder / "archive.sqlite"
    rates = {name: load(folder / name, db) for name in ("RS.jsonl", "RC.jsonl")}
    whole, index = sizes(db)
    facts = [
        f"| import of posts, lines a minute | {rates['RS.jsonl']:,.0f} | at least 100,000 |",
        f"| import of comments with their index, lines a minute | {rates['RC.jsonl']:,.0f} | at least 100,000 |",
    ]
    if bare:
        load(folder / "RS.jsonl", folder / "bare.sqlite", comment_index=False)
        without = load(folder / "RC.jsonl", folder / "bare.sqlite", comment_index=False)
        facts.append(f"| import of comments without it (`--no-comment-index`), lines a minute | {without:,.0f} | |")
    return [*facts, f"| the file | {whole:.2f} GB | |", f"| of it the comment index | {index:.2f} GB | |"]


def main() -> None:
    """Make, import, ask, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where dumps and archive are made, and removed at the end")
    parser.add_argument("--bare", action="store_true", help="import once more, without the comment index")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=arguments.folder)))
        language = make(folder, arguments.posts)
        facts = imported(folder, bare=arguments.bare)
        url = stack.enter_context(serving(stack.enter_context(SqliteStore(folder / "archive.sqlite"))))
        headers = {"authorization": "bearer benchmark"}
        client = stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False))
        rng = random.Random(SEED)
        found = {
            "posts": ask(client, questions(language, rng, "link"), "posts:"),
            "comments": ask(client, questions(language, rng, "comment"), "comments:"),
        }
        write(section(arguments.posts, facts, found))


if __name__ == "__main__":
    main()
