"""The archive with a million posts: how fast it imports, searches and lists, and how big its indexes are.

    python benchmarks/archive.py [--posts N] [--folder DIR]

The posts are made from a seed out of invented words, as frequent as words of a language are (Zipf's law). They are
imported by the importer that users run, and asked for over HTTP, each question once. The table goes into
docs/benchmarks.md.
"""

import argparse
import json
import os
import platform
import random
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import httpx

from reddit_mcp.archive import dump
from reddit_mcp.archive.http_api.archive_server import serving
from reddit_mcp.archive.sqlite.raw_fields import base36
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore

SEED = 1729
NEWEST, YEAR = 1_700_000_000, 31_536_000  # seconds
VOCABULARY, COMMUNITIES, AUTHORS = 60_000, 2_000, 200_000
SELF_POSTS = 0.4  # of all, as in the monthly dumps
EACH = 40  # questions of a kind
REPORT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
TITLE = "# Benchmarks\n\nEach section is written by the command that it names.\n"
METHOD = """
Times are of whole HTTP answers of 100 posts, in milliseconds, each question asked once. Text is titles and selftexts,
1,024 bytes a kilobyte; all indexes are the text index and those that orders and names need."""
INDEXES = "SELECT name FROM sqlite_schema WHERE type = 'index'"
# What nearly every post in a dump carries and nothing here asks for.
USUAL: dict[str, Any] = {
    **dict.fromkeys("approved_at_utc approved_by banned_at_utc banned_by mod_note mod_reason_by category".split()),
    **dict.fromkeys("content_categories discussion_type distinguished likes media num_reports suggested_sort".split()),
    **dict.fromkeys("archived can_gild clicked contest_mode hidden hide_score is_crosspostable is_meta".split(), False),
    **dict.fromkeys("is_original_content is_video locked media_only pinned quarantine saved spoiler".split(), False),
    "all_awardings": [],
    "awarders": [],
    "gildings": {},
    "media_embed": {},
    "mod_reports": [],
    "user_reports": [],
    "author_flair_type": "text",
    "link_flair_type": "text",
    "subreddit_type": "public",
    "whitelist_status": None,
    "edited": False,
    "gilded": 0,
    "no_follow": True,
    "num_crossposts": 0,
    "over_18": False,
    "stickied": False,
}
Question = tuple[str, dict[str, str | int]]


class Language:
    """Invented words, the commonest first, and texts of them."""

    def __init__(self, rng: random.Random) -> None:
        syllables = [start + vowel for start in "bdfgklmnprstvz" for vowel in "aeiou"]
        found = dict.fromkeys("".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(4 * VOCABULARY))
        self.words = list(found)[:VOCABULARY]
        self._weights = list(accumulate(1 / rank for rank in range(1, len(self.words) + 1)))
        self._rng = rng

    def text(self, length: int) -> str:
        """So many words."""
        return " ".join(self._rng.choices(self.words, cum_weights=self._weights, k=length))


def lines(posts: int, language: Language, rng: random.Random) -> Iterator[str]:
    """The lines of a dump, oldest first; a few communities and authors have most of it."""
    for at in range(posts):
        text = language.text(3 + int(rng.expovariate(0.01))) if rng.random() < SELF_POSTS else ""
        place = int(COMMUNITIES * rng.random() ** 3)
        score = int(rng.paretovariate(0.7)) - rng.randint(0, 2)
        post = {
            **USUAL,
            "id": base36(10**9 + at),
            "title": language.text(rng.randint(4, 14)),
            "selftext": text,
            "is_self": bool(text),
            "url": "" if text else f"https://host{rng.randrange(500)}.example/{at}",
            "subreddit": f"place{place}",
            "subreddit_id": f"t5_{base36(place + 1)}",
            "author": f"author{int(AUTHORS * rng.random() ** 2)}",
            "created_utc": NEWEST - (posts - at) * YEAR // posts,
            "score": min(score, 200_000),
            "upvote_ratio": round(rng.uniform(0.5, 1), 2),
            "num_comments": int(rng.paretovariate(0.9)) - 1,
            "link_flair_text": rng.choice((None, None, "News", "Question")),
        }
        yield json.dumps(post)


def searches(language: Language, rng: random.Random) -> dict[str, list[Question]]:
    """Questions to the search by kind; the words of each are of a frequency that the kind's name tells."""
    common, usual, rare = language.words[:50], language.words[500:5_000], language.words[20_000:]
    sorts, periods = ("relevance", "new", "top", "hot", "comments"), ("all", "year", "month", "week", "day")

    def asked(form: Callable[[], str], place: str = "") -> list[Question]:
        return [(place or "/search", _search(form(), sorts[at % 5], periods[at // 5 % 5])) for at in range(EACH)]

    def several(words: Sequence[str], count: int) -> str:
        return " ".join(rng.sample(words, count))

    return {
        "a rare word": asked(lambda: rng.choice(rare)),
        "a usual word": asked(lambda: rng.choice(usual)),
        "a common word": asked(lambda: rng.choice(common)),
        "two usual words": asked(lambda: several(usual, 2)),
        "three common words": asked(lambda: several(common, 3)),
        "a phrase of usual words": asked(lambda: f'"{several(usual, 2)}"'),
        "a phrase of two common words": asked(lambda: f'"{several(common, 2)}"'),
        "a phrase of three common words": asked(lambda: f'"{several(common, 3)}"'),
        "common OR rare, without a common": asked(lambda: f"({rng.choice(common)} OR {rng.choice(rare)}) -{common[1]}"),
        "a field: title, author, site, flair": asked(lambda: rng.choice(_fields(common, rng))),
        "a common word in a community": asked(lambda: rng.choice(common), "/r/place0/search"),
    }


def _search(query: str, sort: str, period: str) -> dict[str, str | int]:
    return {"q": query, "sort": sort, "t": period, "restrict_sr": "true", "limit": 100}


def _fields(common: Sequence[str], rng: random.Random) -> list[str]:
    return [
        f"title:{rng.choice(common)}",
        f"author:author{rng.randrange(100)}",
        f"site:host{rng.randrange(500)}.example",
        "flair:Question self:yes",
    ]


def listings(rng: random.Random) -> dict[str, list[Question]]:
    """Questions for listings by the place they are of."""
    orders = [(order, "all") for order in ("hot", "new", "rising")]
    orders += [
        (order, t) for order in ("top", "controversial") for t in ("hour", "day", "week", "month", "year", "all")
    ]

    def of(names: Callable[[], str]) -> list[Question]:
        return [(f"/r/{names()}/{order}", {"t": t, "limit": 100}) for order, t in orders for _ in range(4)]

    return {
        "everything": of(lambda: "all"),
        "a big community": of(lambda: f"place{rng.randrange(5)}"),
        "a small community": of(lambda: f"place{rng.randrange(1_000, COMMUNITIES)}"),
        "ten communities": of(lambda: "+".join(f"place{number}" for number in rng.sample(range(200), 10))),
    }


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds that answers took."""

    kind: str
    all: list[float]

    def row(self) -> str:
        """A row of the table."""
        found = sorted(self.all)
        return f"| {self.kind} | {len(found)} | {found[len(found) // 2]:.0f} | {p95(found):.0f} | {found[-1]:.0f} |"


def p95(times: Sequence[float]) -> float:
    """What 95 of 100 stay within."""
    return sorted(times)[max(0, -(-len(times) * 95 // 100) - 1)]


def ask(client: httpx.Client, kinds: dict[str, list[Question]], what: str) -> list[Times]:
    """Ask everything once, and once more before that, to open connections."""
    found = []
    for kind, questions in kinds.items():
        client.get("/new").raise_for_status()
        found.append(Times(f"{what} {kind}", [_milliseconds(client, *question) for question in questions]))
        say(found[-1].row())
    return found


def _milliseconds(client: httpx.Client, path: str, params: dict[str, str | int]) -> float:
    start = time.perf_counter()
    client.get(path, params=params).raise_for_status()
    return (time.perf_counter() - start) * 1_000


def make(path: Path, posts: int) -> Language:
    """Write the dump."""
    rng = random.Random(SEED)
    language = Language(rng)
    with path.open("w", encoding="utf-8") as file:
        for at, line in enumerate(lines(posts, language, rng)):
            file.write(line + "\n")
            if at % 100_000 == 0:
                say(f"{at} of {posts} posts made")
    return language


def load(path: Path, db: Path, *, comment_index: bool = True) -> float:
    """Import the dump; gives lines a minute."""
    start = time.perf_counter()
    report = dump.import_paths([path], db, _told(), comment_index=comment_index)
    return report.lines / (time.perf_counter() - start) * 60


def _told() -> Callable[[dump.Progress], None]:
    def progress(state: dump.Progress) -> None:
        if state.lines % 100_000 == 0:
            say(f"{state.lines} lines imported")

    return progress


def sizes(db: Path) -> dict[str, float]:
    """Bytes per kilobyte (1,024 bytes) of the posts' titles and texts: of the text index, all indexes and the file."""
    with closing(sqlite3.connect(db)) as reader:
        names = {name for (name,) in reader.execute(INDEXES)}
        used = dict(reader.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
        typed = reader.execute("SELECT sum(length(title) + length(selftext)) FROM post").fetchone()[0]  # all is ASCII
    text = typed / 1_024
    words = sum(size for name, size in used.items() if name.startswith("post_words"))
    ordered = sum(size for name, size in used.items() if name in names)
    return {"text": words / text, "all": (words + ordered) / text, "file": sum(used.values()) / text}


def say(line: str) -> None:
    """Show how far it is."""
    print(line, file=sys.stderr, flush=True)


def section(posts: int, speed: float, size: dict[str, float], found: list[Times]) -> str:
    """The section of the report."""
    search = p95([each for times in found if times.kind.startswith("search") for each in times.all])
    listing = p95([each for times in found if times.kind.startswith("listing") for each in times.all])
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load average {os.getloadavg()[2]:.1f} with this command"
    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    rows = [
        f"## The archive with {posts:,} posts",
        f"`python benchmarks/archive.py --posts {posts}`, {datetime.now(UTC):%Y-%m-%d}, {python},\n{machine}.{METHOD}",
        "| what | measured | target |\n|---|---|---|",
        f"| import, lines a minute | {speed:,.0f} | at least 100,000 |",
        f"| search, p95 | {search:.0f} ms | under 300 ms |",
        f"| listing, p95 | {listing:.0f} ms | under 50 ms |",
        f"| text index, bytes per kilobyte of text | {size['text']:.0f} | at most 300 |",
        f"| all indexes, bytes per kilobyte of text | {size['all']:.0f} | |",
        f"| the whole file, bytes per kilobyte of text | {size['file']:.0f} | |\n",
        "| question | asked | p50 | p95 | longest |\n|---|---|---|---|---|",
        *(times.row() for times in found),
    ]
    return "\n\n".join(rows[:2]) + "\n\n" + "\n".join(rows[2:])


def write(body: str) -> None:
    """Put the section between its markers, at the end of the report when it is new there."""
    start, end = "<!-- benchmark: archive -->\n", "\n<!-- end: archive -->"
    report = REPORT.read_text("utf-8") if REPORT.exists() else TITLE
    if start not in report:
        report += f"\n{start}{end}\n"
    report = re.sub(f"{start}.*?{end}", lambda _: f"{start}{body}{end}", report, flags=re.DOTALL)
    REPORT.write_text(report, "utf-8")


def main() -> None:
    """Make, import, ask, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the dump and the archive are made, and removed at the end")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=arguments.folder)))
        language = make(folder / "posts.jsonl", arguments.posts)
        speed = load(folder / "posts.jsonl", folder / "archive.sqlite")
        url = stack.enter_context(serving(stack.enter_context(SqliteStore(folder / "archive.sqlite"))))
        headers = {"authorization": "bearer benchmark"}
        client = stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False))
        rng = random.Random(SEED)
        found = ask(client, searches(language, rng), "search:") + ask(client, listings(rng), "listing:")
        write(section(arguments.posts, speed, sizes(folder / "archive.sqlite"), found))


if __name__ == "__main__":
    main()
