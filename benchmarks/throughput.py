"""Cached calls of the product beside a stock SDK server, in turns, with a key, a quota and a log.

    python -m benchmarks.throughput [--seconds 5] [--rounds 5]

Each round measures every server once, for 25 posts and for a tree of 500 comments, over 1 and 32 connections, in both
eras of the protocol. The section goes into docs/benchmarks.md: medians of the rounds, and the lowest and highest ratio.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from benchmarks import report
from benchmarks.loader import Load, load, request, saved
from tests.support.archive_records import NOW, archive, comment, post
from tests.support.server_process import ANNOUNCED, environment

ERAS = {"2026": "2026-07-28", "2025": "2025-06-18"}
QUESTIONS = {
    "25 posts": ("get_subreddit_posts", b'{"subreddit":"first","limit":25}'),
    "500 comments": ("get_post_comments", b'{"post_id":"p1","limit":500}'),
}
TIERS = {"pro": {"minute": 10**8, "hour": 10**8, "day": 10**8, "month": 10**8}}
TEXT = "The kettle that I bought last spring still boils in two minutes, whatever the people at work say about it. " * 2
TIMES = dict[tuple[str, str, str, int], list["Measured"]]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    pid: int

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measured:
    """A load, and the milliseconds of CPU that a call took its server: noise of the machine hardly changes those."""

    load: Load
    cpu: float


async def measured(server: Server, body: bytes, headers: dict[str, str], connections: int, seconds: float) -> Measured:
    """One load."""
    before = server.cpu
    found = await load(server.url, body, headers, connections, seconds)
    return Measured(found, (server.cpu - before) * 1000 / (found.rate * seconds))


def furnish(path: Path) -> Path:
    """A hundred posts, and five hundred comments below one of them."""
    posts = [post(f"p{n}", f"Post number {n} about kettles", selftext=TEXT, created_utc=NOW - n) for n in range(100)]
    parents = [None if n < 50 else f"c{n % 50 + (n // 50 - 1) * 50}" for n in range(500)]
    comments = [comment(f"c{n}", "p1", parent, body=TEXT[:90]) for n, parent in enumerate(parents)]
    return archive(path, *posts, *comments)


@contextlib.asynccontextmanager
async def process(folder: Path, *words: str, **settings: str) -> AsyncIterator["Server"]:
    """A server in a process of its own."""
    with (folder / f"{words[1].rpartition('.')[2]}.log").open("wb") as log:
        running = await asyncio.create_subprocess_exec(
            sys.executable, *words, env=environment(folder, **settings), stdout=subprocess.PIPE, stderr=log
        )
        assert running.stdout
        drain = None
        try:
            async for line in running.stdout:
                if found := ANNOUNCED.search(line.decode()):
                    drain = asyncio.create_task(_drain(running.stdout))
                    yield Server(f"{found[1]}/mcp", running.pid)
                    break
            else:
                raise RuntimeError((folder / log.name).read_text())
        finally:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself, and its log tells why
                running.terminate()
            await running.wait()
            if drain:
                await drain


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass


async def key_of(folder: Path, settings: dict[str, str]) -> str:
    """A key of the tier that is never used up."""
    words = ["-m", "reddit_mcp", "keys", "create", "--user", "load", "--name", "load", "--tier", "pro", "--json"]
    made = await asyncio.create_subprocess_exec(
        sys.executable, *words, env=environment(folder, **settings), stdout=subprocess.PIPE
    )
    out, _ = await made.communicate()
    return str(json.loads(out)["key"])


async def answer(url: str, version: str, tool: str, arguments: bytes, key: str) -> dict[str, Any]:
    """The structured content of one call."""
    body, headers = request(version, tool, arguments, key)
    async with httpx.AsyncClient() as http:
        found = (await http.post(url, content=body, headers=headers)).json()["result"]["structuredContent"]
    assert "error" not in found, found
    return dict(found)


async def measure(folder: Path, seconds: float, rounds: int) -> TIMES:
    """Every server in turns."""
    settings = {
        "ARCHIVE_DB": str(furnish(folder / "bench.sqlite")),
        "AUTH_MODE": "api_key",
        "MCP_MASTER_KEY": "00" * 32,
        "TIERS": json.dumps(TIERS),
    }
    times: TIMES = defaultdict(list)
    async with process(folder, "-m", "reddit_mcp", "serve", "--port", "0", **settings) as product:
        key = await key_of(folder, settings)
        for question, (tool, arguments) in QUESTIONS.items():
            content = await answer(product.url, ERAS["2026"], tool, arguments, key)
            path = str(saved(folder, "answer.json", json.dumps(content).encode()))
            async with contextlib.AsyncExitStack() as stack:
                servers = {"product": product}
                for kind in ("typed", "prepared", "raw"):
                    words = ("-m", "benchmarks.comparison_servers", kind, path)
                    servers[kind] = await stack.enter_async_context(process(folder, *words))
                for _ in range(rounds):
                    for era, version in ERAS.items():
                        body, headers = request(version, tool, arguments, key)
                        for connections in (1, 32):
                            for name, server in servers.items():
                                found = await measured(server, body, headers, connections, seconds)
                                times[question, era, name, connections].append(found)
    return times


def table(times: TIMES) -> list[str]:
    """One row a question, era and number of connections."""
    rows = []
    for question, era, name, connections in times:
        if name != "product":
            continue
        ours, typed, prepared, raw = (times[question, era, other, connections] for other in NAMES)
        ratios = sorted(one.load.rate / other.load.rate for one, other in zip(ours, typed, strict=True))
        rows.append(
            f"| {question}, {era}, {connections} | {_rate(ours)} | {_rate(typed)} | {_rate(prepared)} | {_rate(raw)} | "
            f"{median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f}) | {_cpu(ours)} / {_cpu(typed)} | "
            f"{median(one.load.p50 for one in ours):.1f} | {median(one.load.p99 for one in ours):.1f} | "
            f"{sum(one.load.bad for one in ours)} |"
        )
    return rows


NAMES = ("product", "typed", "prepared", "raw")


def _rate(loads: list[Measured]) -> str:
    return f"{median(one.load.rate for one in loads):,.0f}"


def _cpu(loads: list[Measured]) -> str:
    return f"{median(one.cpu for one in loads):.2f}"


async def main(seconds: float, rounds: int) -> str:
    with tempfile.TemporaryDirectory() as name:
        times = await measure(Path(name), seconds, rounds)
    return (
        "## Cached calls beside a stock server\n\n"
        f"`python -m benchmarks.throughput`, {report.when_and_where()}, {rounds} rounds of {seconds:.0f} s each, in "
        "turns; the product checks a key and a quota and writes its log. Calls a second; ratio to the stock typed "
        "server (lowest and highest of the rounds); CPU of a call of the product and of the typed "
        "server, and the product's latencies, in ms.\n\n"
        "| what, era, connections | product | typed | prepared | raw route | ratio | CPU | p50 | p99 | bad |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n" + "\n".join(table(times))
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    section = asyncio.run(main(given.seconds, given.rounds))
    report.write("throughput", section)
    print(section)
