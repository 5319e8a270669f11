"""Reddit's shared budget in real time: three processes at ten times the budget, and people beside a flood.

    python -m benchmarks.budget [--seconds 185]

Each process has the real queue over one Redis of this machine and an upstream that answers after 20 ms; REDDIT_QPM is
100. The section goes into docs/benchmarks.md.
"""

import argparse
import asyncio
import math
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks import report
from tests.support.budget_replica import Account, Order, run
from tests.support.request_budget import Upstream, busiest, census, query, queue_over, redis_server, store_at, window

from reddit_mcp.upstream.source import Priority

LIMIT, SPAN = 100, 61.0


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


async def greedy(url: str, seconds: float) -> list[str]:
    """Three processes that keep ten times the budget waiting."""
    account = await run([Order(url, f"greedy-{i}", seconds, waiting=LIMIT * 10 // 3) for i in range(3)])
    possible = LIMIT * math.ceil(seconds / SPAN)
    most = busiest(account.times, 60.0)
    return [
        f"| three processes, ten times the budget: most in any 60 s | {most} | at most {LIMIT} |",
        f"| ... used of what {seconds:.0f} s allow | {len(account.times) / possible:.1%} | at least 97 % |",
    ]


async def flooded(url: str, seconds: float) -> list[str]:
    """Twenty interactive calls a minute while two processes offer as much low-priority work as they can."""
    floods = [Order(url, f"flood-{i}", seconds, waiting=300, flood=Priority.LOW) for i in range(2)]
    account = await run([*floods, Order(url, "people", seconds, interactive=20 * SPAN / 60)])
    used = (len(account.times) - 1) / (max(account.times) - min(account.times)) * 60 / LIMIT
    return [
        f"| a low-priority flood, 20 interactive calls a minute: p95 of these | {_seconds(account)} | under 1.5 s |",
        f"| ... their median | {statistics.median(account.latencies):.2f} s | |",
        f"| ... most in any 60 s | {busiest(account.times, 60.0)} | at most {LIMIT} |",
        f"| ... used of {LIMIT} a minute | {used:.1%} | at least 97 % |",
    ]


def _seconds(account: Account) -> str:
    return f"{percentile(account.latencies, 0.95):.2f} s"


async def costs(url: str) -> list[str]:
    """What a token costs while there are some, and what a refusal costs with a full window."""
    async with store_at(url) as store:
        granting, full = window(store, "costs", limit=100_000), window(store, "costs", limit=1)
        granted = [await _timed(granting.take(str(i), census(1))) for i in range(2000)]
        refused = [await _timed(full.take(str(i), census(1))) for i in range(500)]
        async with queue_over(Upstream(), store, "whole", limit=100_000) as queue:
            whole = [await _timed(queue.fetch(query())) for i in range(500)]
    return [
        f"| one token, round trip, median | {statistics.median(granted) * 1e3:.2f} ms | |",
        f"| one refusal with 1,500 tokens out, median | {statistics.median(refused) * 1e3:.2f} ms | |",
        f"| a miss through the whole layer, median | {statistics.median(whole) * 1e3:.2f} ms | |",
    ]


async def _timed(work: object) -> float:
    started = time.perf_counter()
    await work  # type: ignore[misc]
    return time.perf_counter() - started


async def main(seconds: float) -> str:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        async with redis_server(Path(one)) as first, redis_server(Path(two)) as second:
            lines = await costs(first)
            async with store_at(first) as store, store.visit() as redis:
                await redis.flushall()
            for found in await asyncio.gather(greedy(first, seconds), flooded(second, seconds)):
                lines += found
    return (
        "## Reddit's budget\n\n"
        f"`python -m benchmarks.budget`, {report.when_and_where()}, both runs at once for {seconds:.0f} s.\n\n"
        "| what | measured | target |\n|---|---|---|\n" + "\n".join(lines)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=185.0)
    section = asyncio.run(main(parser.parse_args().seconds))
    report.write("budget", section)
    print(section)
