"""What a caller's quota costs a call: the same server with RATE_LIMIT_MODE enforce and disabled.

    python benchmarks/quota.py

Over HTTP, two server processes with an embedded store and a key each: one connection to each sends a cached tool call
again and again. In process, two servers that call the tool without a transport: what is left of the difference when the
machine's other work stands between fewer processes. Turns alternate. The table goes into docs/benchmarks.md.
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
from types import SimpleNamespace
from typing import Any, cast

from auth import CALL, Connection
from report import when_and_where, write

from reddit_mcp.app import opened
from reddit_mcp.models import Caller
from reddit_mcp.observability import logs
from reddit_mcp.server.mcp import RedditServer
from reddit_mcp.settings import Settings
from reddit_mcp.storage.open import open_store

ROUNDS, CALLS, WARM_UP = 60, 50, 200
TARGET = 0.4  # milliseconds added
PLENTY = json.dumps({"business": dict.fromkeys(("minute", "hour", "day", "month"), 1_000_000)})


@dataclass
class Side:
    """One of the two servers."""

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


@dataclass
class InProcess:
    """A server in this process, called by a user of a tier with limits."""

    mcp: RedditServer
    taken: list[float] = field(default_factory=list)

    async def spell(self, calls: int) -> None:
        scope = {"caller": Caller(id="good", tier="business")}
        for _ in range(calls):
            request = SimpleNamespace(scope=dict(scope))
            context = cast("Any", SimpleNamespace(request_context=SimpleNamespace(request=request)))
            started = time.perf_counter()
            await self.mcp.call_tool(CALL["name"], CALL["arguments"], context)
            self.taken.append((time.perf_counter() - started) * 1000)


async def measure_in_process(folder: Path) -> list[list[float]]:
    """The times of a server without quotas and of one with them."""
    async with contextlib.AsyncExitStack() as stack:
        sides = []
        for mode in ("disabled", "enforce"):
            settings = Settings(data_dir=folder / mode, redis_url=None, rate_limit_mode=mode, tiers=PLENTY)
            server = await stack.enter_async_context(opened(settings))
            sides.append(InProcess(server.mcp))
        for side in sides:
            await side.spell(WARM_UP)
            side.taken.clear()
        for _ in range(ROUNDS):
            for side in sides:
                await side.spell(CALLS)
    return [side.taken for side in sides]


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
        yield Side(folder, int(found[1]), made["key"])
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


def row(how: str, mode: str, taken: list[float]) -> str:
    hundredths = statistics.quantiles(taken, n=100, method="inclusive")
    return f"| {how} | {mode} | {hundredths[49]:.2f} | {hundredths[94]:.2f} | {hundredths[98]:.2f} |"


def added(off: list[float], on: list[float]) -> str:
    return f"{statistics.median(on) - statistics.median(off):.2f}"


def main() -> None:
    logs.configure("ERROR", sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inside = asyncio.run(measure_in_process(folder / "inside"))
        with serving(folder / "off", "disabled") as off, serving(folder / "on", "enforce") as on:
            scripts = asyncio.run(measure(off, on))
    over_http = [off.taken, on.taken]
    rows = [
        row(how, mode, taken)
        for how, both in (("in process", inside), ("over HTTP", over_http))
        for mode, taken in zip(("disabled", "enforce"), both, strict=True)
    ]
    table = "\n".join(rows)
    section = f"""## What a caller's quota costs a call

`python benchmarks/quota.py`, {when_and_where()}, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.
A cached tool call by a caller with limits, times in milliseconds; {ROUNDS * CALLS:,} calls of each server, one at a
time, in turns of {CALLS}. Added at the median: {added(*inside)} ms in process, {added(*over_http)} ms over HTTP.
Target: under {TARGET} ms. Scripts run in the store per call: {scripts[1]:.2f} with quotas, {scripts[0]:.2f} without.

| how | RATE_LIMIT_MODE | p50 | p95 | p99 |
|---|---|---|---|---|
{table}"""
    write("quota", section)
    print(section)


if __name__ == "__main__":
    main()
