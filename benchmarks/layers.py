"""What each layer of the way to Reddit costs a call, measured in one run.

    python benchmarks/layers.py

The layers stand around a Source that answers at once; the store is the server program of this machine. Time is the
process's own (CPU), so that other work on the machine does not count. The table goes into docs/benchmarks.md. A further
layer is one more entry in `cases`.
"""

import asyncio
import platform
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reddit_mcp.errors import Failure, UpstreamError
from reddit_mcp.models import Subreddit
from reddit_mcp.reddit.breaker import Guarded
from reddit_mcp.reddit.breakers import Breakers
from reddit_mcp.reddit.circuit import BreakerRules
from reddit_mcp.reddit.retry import Retry, RetryRules
from reddit_mcp.reddit.source import Answer, Query, Source
from reddit_mcp.settings import Settings
from reddit_mcp.storage import Store, open_store

REPORT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
TITLE = "# Benchmarks\n\nEach section is written by the command that it names.\n"
QUERY = Query(kind="subreddit", model=Subreddit, resource="community r/lua", path="/r/lua/about")
ROUNDS, CALLS = 15, 2000


@dataclass(frozen=True)
class Case:
    """One line of the table: what is measured, over which Source, and how dear it may be in microseconds."""

    name: str
    source: Source
    target: int | None = None


class Prompt:
    """A Source that answers at once."""

    _answer = Answer(Subreddit(name="lua"), calls=1)

    async def fetch(self, _query: Query[Any]) -> Answer[Any]:
        return self._answer


class Broken:
    """A Source that fails at once."""

    async def fetch(self, _query: Query[Any]) -> Answer[Any]:
        raise UpstreamError("HTTP 503")


@asynccontextmanager
async def cases(store: Store) -> AsyncIterator[list[Case]]:
    """Every layer by itself, and those of a miss together."""
    breakers = Breakers(store, BreakerRules(wait=3600.0))  # an open one stays so
    well, shut = breakers.get("well"), breakers.get("shut")
    guarded, rules = Guarded(Prompt(), well), RetryRules()
    refusing = Guarded(Broken(), shut)
    while not refusing.is_open:
        await asked(refusing)
    yield [
        Case("nothing but the call", Prompt()),
        Case("breaker", guarded),
        Case("retry", Retry(Prompt(), rules, lambda: False)),
        Case("retry and breaker: what a miss pays", Retry(guarded, rules, lambda: guarded.is_open), 50),
        Case("retry and breaker, open: what a refusal costs", Retry(refusing, rules, lambda: refusing.is_open), 10_000),
    ]
    await breakers.aclose()


async def asked(source: Source) -> None:
    """One call, however it ends."""
    try:
        await source.fetch(QUERY)
    except Failure:
        return


async def measure(case: Case) -> tuple[float, float]:
    """CPU microseconds a call: the median round and the slowest one; between rounds the loop may do its other work."""
    rounds = []
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
        started = time.process_time()
        for _ in range(CALLS):
            await asked(case.source)
        rounds.append((time.process_time() - started) / CALLS * 1e6)
    return statistics.median(rounds), max(rounds)


async def run() -> str:
    """Measure all and lay the table out."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), redis_url=None)
        async with open_store(settings) as store, cases(store) as listed:
            await store.ping()
            lines = [line(case, *(await measure(case))) for case in listed]
    today = datetime.now(UTC).date().isoformat()
    where = f"{platform.machine()}, Python {platform.python_version()}"
    method = f"CPU microseconds a call: {ROUNDS} rounds of {CALLS} calls"
    return (
        "## What each layer costs a call\n\n"
        f"`python benchmarks/layers.py`, {today}, {where}. {method}.\n\n"
        "| layer | median round | slowest round | target |\n|---|---|---|---|\n" + "\n".join(lines)
    )


def line(case: Case, median: float, slowest: float) -> str:
    """A line of the table."""
    target = f"under {case.target:,}" if case.target else ""
    return f"| {case.name} | {median:.1f} | {slowest:.1f} | {target} |"


def write(section: str) -> None:
    """Put the section between its marks; those of other commands stay as they are."""
    begin, end = "<!-- benchmark: layers -->", "<!-- end: layers -->"
    before = REPORT.read_text() if REPORT.exists() else TITLE
    text, found = f"{begin}\n{section}\n{end}", re.compile(f"{begin}.*?{end}", re.DOTALL)
    after = found.sub(lambda _: text, before) if found.search(before) else f"{before.rstrip()}\n\n{text}\n"
    REPORT.write_text(after)


if __name__ == "__main__":
    report = asyncio.run(run())
    write(report)
    print(report)
