"""What authentication and a caller's quota cost a call: the same server with both, and with neither.

    python benchmarks/quota.py

Over HTTP, two server processes with an embedded store each, one with AUTH_MODE none, one with keys and quotas: one
connection to each sends a cached tool call again and again. In process, two servers that call the tool without a
transport, for what the quota alone costs. Short turns alternate, and what counts is the median over all turns of the
difference of their medians: other work of the machine meets both. The table goes into docs/benchmarks.md.
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
from report import priority, when_and_where, write

from reddit_mcp.container import open_container
from reddit_mcp.mcp_server.server import RedditServer
from reddit_mcp.models import Caller
from reddit_mcp.observability import logs
from reddit_mcp.settings import Settings
from reddit_mcp.storage.redis.open_store import open_store

ROUNDS, CALLS, WARM_UP = 120, 25, 200
TARGET = 0.4  # milliseconds added
PLENTY = json.dumps({"business": dict.fromkeys(("minute", "hour", "day", "month"), 1_000_000)})


@dataclass
class Side:
    """One of the two servers."""

    data_dir: Path
    port: int
    key: str
    pid: int
    taken: list[float] = field(default_factory=list)

    async def scripts(self) -> int:
        """Scripts that its store ran so far."""
        async with open_store(Settings(data_dir=self.data_dir, redis_url=None)) as store, store.visit() as redis:
            return int((await redis.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0))

    def processor_seconds(self) -> float:
        """What its main thread has used so far (Linux: proc(5), schedstat)."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9

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
            server = await stack.enter_async_context(open_container(settings))
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
    """A server of this AUTH_MODE, and a key of a tier with limits."""
    folder.mkdir()
    settings = {"DATA_DIR": str(folder), "AUTH_MODE": mode, "MCP_MASTER_KEY": secrets.token_urlsafe(32)}
    environment = {**os.environ, **settings, "TIERS": PLENTY, "REDIS_URL": ""}
    program, log = [sys.executable, "-m", "reddit_mcp"], folder / "log"
    words = [*program, "keys", "create", "--user", "good", "--name", "benchmark", "--tier", "business", "--json"]
    with log.open("wb") as file:
        server = subprocess.Popen([*program, "serve", "--port", "0"], env=environment, cwd=folder, stdout=file)
    try:
        while not (found := re.search(r"at http://\S+:(\d+)/mcp", log.read_text())):
            time.sleep(0.05)
        made = json.loads(subprocess.check_output(words, env=environment, cwd=folder))
        yield Side(folder, int(found[1]), made["key"], server.pid)
    finally:
        server.terminate()
        server.wait()


@dataclass
class Cost:
    """What one call took beside its time."""

    scripts: float
    processor_ms: float


async def measure(*sides: Side) -> list[Cost]:
    """Call both in turns."""
    connections = [await Connection.open(side.port) for side in sides]
    for side, connection in zip(sides, connections, strict=True):
        await side.spell(connection, WARM_UP)
        side.taken.clear()
    before = [(await side.scripts(), side.processor_seconds()) for side in sides]
    for _ in range(ROUNDS):
        for side, connection in zip(sides, connections, strict=True):
            await side.spell(connection, CALLS)
    used = [side.processor_seconds() for side in sides]
    return [
        Cost((await side.scripts() - scripts) / ROUNDS / CALLS, (late - early) * 1000 / ROUNDS / CALLS)
        for side, late, (scripts, early) in zip(sides, used, before, strict=True)
    ]


def row(how: str, mode: str, taken: list[float]) -> str:
    hundredths = statistics.quantiles(taken, n=100, method="inclusive")
    return f"| {how} | {mode} | {hundredths[49]:.2f} | {hundredths[94]:.2f} | {hundredths[98]:.2f} |"


def added(off: list[float], on: list[float]) -> str:
    """The median over the turns of the difference of their medians."""
    turns = range(0, ROUNDS * CALLS, CALLS)
    differences = [statistics.median(on[at : at + CALLS]) - statistics.median(off[at : at + CALLS]) for at in turns]
    return f"{statistics.median(differences):.2f}"


def main() -> None:
    logs.configure("ERROR", sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inside = asyncio.run(measure_in_process(folder / "inside"))
        with serving(folder / "off", "none") as off, serving(folder / "on", "api_key") as on:
            without, with_both = asyncio.run(measure(off, on))
    over_http = [off.taken, on.taken]
    rows = [
        row(how, which, taken)
        for how, both in (("quota, in process", inside), ("both, over HTTP", over_http))
        for which, taken in zip(("off", "on"), both, strict=True)
    ]
    table = "\n".join(rows)
    section = f"""## What authentication and a caller's quota cost a call

`{priority()}python benchmarks/quota.py`, {when_and_where()}, load average {os.getloadavg()[0]:.1f} on
{os.cpu_count()} processors.
A cached tool call, times in milliseconds; {ROUNDS * CALLS:,} calls of each server, one at a time, in turns of {CALLS}.
Added at the median: {added(*inside)} ms by the quota in process, {added(*over_http)} ms by both over HTTP.
Target: under {TARGET} ms. The server's own processor time is {with_both.processor_ms:.2f} ms a call with both and
{without.processor_ms:.2f} ms with neither; scripts run in the store per call: {with_both.scripts:.2f} and \
{without.scripts:.2f}.

| how | | p50 | p95 | p99 |
|---|---|---|---|---|
{table}"""
    write("quota", section)
    print(section)


if __name__ == "__main__":
    main()
