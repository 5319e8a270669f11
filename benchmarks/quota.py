"""What a caller's quota costs a call: the same server with RATE_LIMIT_MODE enforce and disabled.

    python benchmarks/quota.py

Two server processes, each with its own embedded store and a key; one connection to each sends a cached tool call again
and again, in turns, so that other work on the machine meets both. The table goes into docs/benchmarks.md.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from auth import Connection
from report import when_and_where, write

from reddit_mcp.settings import Settings
from reddit_mcp.storage.open import open_store

ROUNDS, CALLS, WARM_UP = 60, 50, 200
TARGET = 0.4  # milliseconds added
PLENTY = json.dumps({"business": dict.fromkeys(("minute", "hour", "day", "month"), 1_000_000)})


@dataclass
class Side:
    """One of the two servers."""

    mode: str
    data_dir: Path
    port: int
    key: str
    taken: list[float] = field(default_factory=list)

    async def scripts(self) -> int:
        """Scripts that its store ran so far."""
        async with open_store(Settings(data_dir=self.data_dir, redis_url=None)) as store, store.visit() as redis:
            return int((await redis.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0))

    async def spell(self, connection: Connection, calls: int) -> None:
        for _ in range(calls):
            started = time.perf_counter()
            assert await connection.post(self.key) == 200
            self.taken.append((time.perf_counter() - started) * 1000)

    def quantile(self, percent: int) -> float:
        return statistics.quantiles(self.taken, n=100, method="inclusive")[percent - 1]


@contextlib.contextmanager
def serving(folder: Path, mode: str) -> Iterator[Side]:
    """A server in this mode, and a key of a tier with limits."""
    folder.mkdir()
    settings = {"DATA_DIR": str(folder), "AUTH_MODE": "api_key", "MCP_MASTER_KEY": secrets.token_urlsafe(32)}
    environment = {**os.environ, **settings, "RATE_LIMIT_MODE": mode, "TIERS": PLENTY, "REDIS_URL": ""}
    program, log = [sys.executable, "-m", "reddit_mcp"], folder / "log"
    words = [*program, "keys", "create", "--user", "good", "--name", "benchmark", "--tier", "business", "--json"]
    with log.open("wb") as file:
        server = subprocess.Popen([*program, "serve", "--port", "0"], env=environment, cwd=folder, stdout=file)
    try:
        while not (found := re.search(r"at http://\S+:(\d+)/mcp", log.read_text())):
            time.sleep(0.05)
        made = json.loads(subprocess.check_output(words, env=environment, cwd=folder))
        yield Side(mode, folder, int(found[1]), made["key"])
    finally:
        server.terminate()
        server.wait()


async def measure(*sides: Side) -> list[float]:
    """Call both in turns; scripts that each store ran per call."""
    connections = [await Connection.open(side.port) for side in sides]
    for side, connection in zip(sides, connections, strict=True):
        await side.spell(connection, WARM_UP)
        side.taken.clear()
    before = [await side.scripts() for side in sides]
    for _ in range(ROUNDS):
        for side, connection in zip(sides, connections, strict=True):
            await side.spell(connection, CALLS)
    after = [await side.scripts() for side in sides]
    return [(late - early) / (ROUNDS * CALLS) for early, late in zip(before, after, strict=True)]


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "off", "disabled") as off,
        serving(Path(folder) / "on", "enforce") as on,
    ):
        scripts = asyncio.run(measure(off, on))
    rows = [
        f"| {side.mode} | {side.quantile(50):.2f} | {side.quantile(95):.2f} | {side.quantile(99):.2f} | {ran:.2f} |"
        for side, ran in zip((off, on), scripts, strict=True)
    ]
    added = on.quantile(50) - off.quantile(50)
    table = "\n".join(rows)
    section = f"""## What a caller's quota costs a call

`python benchmarks/quota.py`, {when_and_where()}. A cached tool call over HTTP with a key, times in milliseconds;
{ROUNDS * CALLS:,} calls of each server, one at a time, in turns of {CALLS}. Added at the median: {added:.2f} ms
(target: under {TARGET} ms).

| RATE_LIMIT_MODE | p50 | p95 | p99 | scripts run in the store, per call |
|---|---|---|---|---|
{table}"""
    write("quota", section)
    print(section)


if __name__ == "__main__":
    main()
