"""What paying adds to a call, while Apify takes 100 ms to book a charge.

    python -m benchmarks.billing

Two servers in this process call a cached tool, alone and in bursts of 20, in turns: one is an Actor that is
pay-per-event and charges over real HTTP, one is free. The fake platform is a process of its own. What is added is the
difference of the quantiles. The table goes into docs/benchmarks.md.
"""

import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.report import when_and_where, write
from tests.support.fake_platform import FakePlatform, Fault

from reddit_mcp.actor.apify_billing import open_billing
from reddit_mcp.container import open_container
from reddit_mcp.mcp_server.server import RedditServer
from reddit_mcp.observability import logs
from reddit_mcp.settings import Settings

LATENCY = 0.1
AT_ONCE = (1, 20)
BURSTS, ROUNDS, WARM_UP = {1: 20, 20: 20}, 4, 40
TARGET = 120  # milliseconds added at the 95th percentile


def platform(pipe: Connection) -> None:
    """The fake platform, until the other end says stop; tells its environment, and what it booked."""
    fake = FakePlatform()
    fake.mishap = lambda path, _number: Fault(delay=LATENCY) if "/charge" in path else None
    with fake.running():
        pipe.send(fake.environment())
        pipe.recv()
        pipe.send(fake.charged)


@contextlib.contextmanager
def running() -> Iterator[Connection]:
    """The platform in a process of its own."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=platform, args=(there,))
    process.start()
    try:
        yield here
    finally:
        process.terminate()
        process.join()


@dataclass
class Side:
    """One server; the times of its calls in milliseconds, by how many were sent at once."""

    server: RedditServer
    taken: dict[int, list[float]] = field(default_factory=lambda: {many: [] for many in AT_ONCE})

    async def turn(self, at_once: int) -> None:
        """Some bursts."""
        for _ in range(BURSTS[at_once]):
            self.taken[at_once] += await asyncio.gather(*(self.call() for _ in range(at_once)))

    async def call(self) -> float:
        started = time.perf_counter()
        answer = await self.server.call_tool("search_reddit", {"query": "garden"})
        assert not getattr(answer, "is_error", True), answer
        return (time.perf_counter() - started) * 1000


async def measure(folder: Path) -> tuple[Side, Side]:
    """Turns of both."""
    paid, free = (Settings(data_dir=folder / name, redis_url=None) for name in ("paid", "free"))
    async with open_container(paid, open_billing) as one, open_container(free) as other:
        sides = Side(one.mcp), Side(other.mcp)
        for side in sides:
            await asyncio.gather(*(side.call() for _ in range(WARM_UP)))
        for _ in range(ROUNDS):
            for at_once in AT_ONCE:
                for side in sides:
                    await side.turn(at_once)
    return sides


def quantile(taken: list[float], percent: int) -> float:
    return statistics.quantiles(taken, n=100)[percent - 1]


def row(at_once: int, which: str, taken: list[float]) -> str:
    return f"| {at_once} | {which} | {quantile(taken, 50):.1f} | {quantile(taken, 95):.1f} | {len(taken)} |"


def main() -> None:
    """Measure and write the section."""
    logs.configure("ERROR")
    with tempfile.TemporaryDirectory() as name, running() as fake:
        os.environ.update(fake.recv())
        paid, free = asyncio.run(measure(Path(name)))
        fake.send("stop")
        charged = fake.recv()
    assert charged == {"tool-call": sum(map(len, paid.taken.values())) + WARM_UP}
    both = (("free", free), ("paid", paid))
    table = "\n".join(row(at_once, which, side.taken[at_once]) for at_once in AT_ONCE for which, side in both)
    added = {n: quantile(paid.taken[n], 95) - quantile(free.taken[n], 95) for n in AT_ONCE}
    said = ", ".join(f"{milliseconds:.0f} ms with {at_once} at once" for at_once, milliseconds in added.items())
    section = f"""## What paying adds to a call

`python -m benchmarks.billing`, {when_and_where()}, load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors.
A cached tool call with Apify's pay-per-event and without it, while the platform takes {LATENCY * 1000:.0f} ms to book a
charge; times in milliseconds. Added at the 95th percentile: {said}.
Target: {TARGET} ms. Each call was charged once: {charged["tool-call"]:,} charges.

| calls at once | | p50 | p95 | calls |
|---|---|---|---|---|
{table}"""
    write("billing", section)
    print(section)


if __name__ == "__main__":
    main()
