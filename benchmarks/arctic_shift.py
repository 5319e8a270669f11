"""Arctic Shift's budget under a mixed load: two replicas without a key, every tool, a fake of its API that counts.

    python -m benchmarks.arctic_shift [--minutes 10]

The fake tells its own limit by headers: for the middle third of the time it is lower than ARCTIC_SHIFT_QPM. Both
replicas share one Redis of this machine. The section goes into docs/benchmarks.md.
"""

import argparse
import asyncio
import contextlib
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import report
from tests.support.arctic_shift import furnish
from tests.support.fake_arctic_shift import NOW, FakeArcticShift, community
from tests.support.request_budget import busiest, redis_server
from tests.support.server_process import server_beside
from tests.support.tool_calls import asking

LIMIT, CALLERS = 60, 8
TOLD_PER_MINUTE = 20
"""What the fake's headers allow in the middle third."""


class Counting(FakeArcticShift):
    """Remembers when each request came, and tells a limit when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []
        self.refused = 0
        self._minute = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        now = time.monotonic()
        self.times.append(now)
        if self.remaining is not None and now >= self._minute:
            self.remaining, self._minute = TOLD_PER_MINUTE, now + 60
        self.reset = max(1.0, self._minute - now)
        self.refused += self.remaining == 0
        await super().__call__(scope, receive, send)


def calls(chance: random.Random) -> tuple[str, dict[str, Any]]:
    """One of the tools, for one of a few hundred things."""
    number = chance.randrange(300)
    return chance.choice(
        [
            ("get_subreddit_posts", {"subreddit": f"place{number}", "sort": chance.choice(["new", "hot", "top"])}),
            ("search_reddit", {"query": "kettle", "subreddit": f"place{number}"}),
            ("get_post_comments", {"post_id": f"p{number % 40:02d}"}),
            ("get_user_info", {"username": f"user{number}"}),
            ("get_subreddit_info", {"subreddit": f"place{number}"}),
            ("get_trending_topics", {"scope": "subreddit", "subreddit": f"place{number}"}),
            ("analyze_sentiment", {"content_type": "post", "content_id": f"p{number % 40:02d}"}),
        ]
    )


async def load(url: str, until: float, seed: int, outcomes: Counter[str]) -> None:
    """One caller after another call, with a short rest."""
    chance = random.Random(seed)
    async with asking(url) as ask:
        while time.monotonic() < until:
            tool, arguments = calls(chance)
            answer = await ask(tool, **arguments)
            outcomes[answer["error"]["type"] if "error" in answer else "answered"] += 1
            await asyncio.sleep(chance.uniform(0, 0.5))


async def middle(fake: Counting, seconds: float) -> tuple[float, float]:
    """Tell a limit for a third of the time; when that was."""
    await asyncio.sleep(seconds / 3)
    began, fake.remaining = time.monotonic(), TOLD_PER_MINUTE
    await asyncio.sleep(seconds / 3)
    fake.remaining = None
    return began, time.monotonic()


async def measure(minutes: float) -> list[str]:
    fake, outcomes, seconds = Counting(), Counter[str](), minutes * 60
    furnish(fake)
    fake.communities += [community(f"place{number}", number) for number in range(300)]
    for thing in (*fake.posts, *fake.comments):
        thing["created_utc"] += int(time.time()) - NOW
    with tempfile.TemporaryDirectory() as name:
        async with redis_server(Path(name)) as redis, fake.running() as arctic, contextlib.AsyncExitStack() as stack:
            settings = {"ARCTIC_SHIFT_URL": arctic, "REDIS_URL": redis, "MCP_MASTER_KEY": "00" * 32}
            folders = [Path(name, each) for each in ("one", "two")]
            for folder in folders:
                await asyncio.to_thread(folder.mkdir)
            urls = [await stack.enter_async_context(server_beside(folder, **settings)) for folder in folders]
            until = time.monotonic() + seconds
            callers = [load(urls[number % 2], until, number, outcomes) for number in range(CALLERS)]
            (began, ended), *_ = await asyncio.gather(middle(fake, seconds), *callers)
    ends = ", ".join(f"{count} {kind}" for kind, count in outcomes.most_common())
    told = [moment for moment in fake.times if began + 1 < moment < ended]
    return [
        f"| most requests in any 60 s | {busiest(fake.times, 60.0)} | at most {LIMIT} |",
        f"| ... while its headers allow {TOLD_PER_MINUTE} a minute | {busiest(told, 60.0)} | |",
        f"| requests that it had to refuse | {fake.refused} | none |",
        f"| requests in all | {len(fake.times)} | |",
        f"| calls by outcome | {ends} | no internal |",
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    minutes = parser.parse_args().minutes
    section = (
        "## Arctic Shift's budget\n\n"
        f"`python -m benchmarks.arctic_shift`, {report.when_and_where()}, {CALLERS} callers of all tools over two "
        f"replicas for {minutes:g} minutes.\n\n"
        "| what | measured | target |\n|---|---|---|\n" + "\n".join(asyncio.run(measure(minutes)))
    )
    report.write("arctic_shift", section)
    print(section)
