"""What good callers feel of a flood of wrong keys: latency while it is quiet, and under 1,000 wrong keys a second.

    python benchmarks/auth.py

A server process of its own; good callers send cached tool calls at a steady pace with a key that is known. The flood
comes from another process: once from one address, whose bucket is soon empty, and once from ever new addresses (as a
trusted proxy would tell), so that each key is looked up. Quiet and flooded spells alternate. On a machine that
has other work, `chrt -r 1 python benchmarks/auth.py` keeps that out. The table goes into docs/benchmarks.md.
"""

import asyncio
import contextlib
import itertools
import json
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from report import priority, when_and_where, write

CALLERS, CALLS_A_SECOND = 5, 8  # of each caller
FLOODERS, KEYS_A_SECOND = 10, 100  # of each flooder
SPELL_SECONDS, ROUNDS = 6, 3
TARGET = 1.5

CALL = {"name": "get_subreddit_posts", "arguments": {"subreddit": "all", "limit": 10}}
BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": CALL}).encode()


class Connection:
    """HTTP/1.1 with as little of its own cost as can be."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.status = 0

    @classmethod
    async def open(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, key: str, forwarded: str = "") -> int:
        lines = [
            "POST /mcp HTTP/1.1",
            "host: localhost",
            f"x-api-key: {key}",
            "content-type: application/json",
            "accept: application/json, text/event-stream",
            f"content-length: {len(BODY)}",
            *([f"x-forwarded-for: {forwarded}"] if forwarded else []),
        ]
        await self.exchange("\r\n".join([*lines, "", ""]).encode() + BODY)
        return self.status

    async def exchange(self, request: bytes) -> bytes:
        """Send a request; the body of its answer."""
        self._writer.write(request)
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length: (\d+)", head)
        self.status = int(head.split()[1])
        return await self._reader.readexactly(int(length[1]) if length else 0)


async def paced(a_second: int, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """Act at a steady pace, late ones at once."""
    begin = time.perf_counter()
    for number in range(round(a_second * seconds)):
        await asyncio.sleep(max(0.0, begin + number / a_second - time.perf_counter()))
        await act()


async def call(port: int, key: str, seconds: float) -> list[float]:
    """The latencies of the good callers, in milliseconds."""
    taken: list[float] = []

    async def caller(number: int) -> None:
        connection = await Connection.open(port)
        await asyncio.sleep(number / CALLERS / CALLS_A_SECOND)

        async def one() -> None:
            started = time.perf_counter()
            assert await connection.post(key) == 200
            taken.append((time.perf_counter() - started) * 1000)

        await paced(CALLS_A_SECOND, seconds, one)

    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    return taken


async def flood(port: int, spread: bool, seconds: float) -> Counter[int]:
    """Send wrong keys, from one address or from ever new ones; the statuses they got."""
    statuses: Counter[int] = Counter()
    addresses = itertools.count()

    async def flooder(number: int) -> None:
        connection = await Connection.open(port)
        await asyncio.sleep(number / FLOODERS / KEYS_A_SECOND)

        async def one() -> None:
            number = next(addresses)
            forwarded = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}" if spread else ""
            statuses[await connection.post("rmcp_" + secrets.token_urlsafe(32), forwarded)] += 1

        await paced(KEYS_A_SECOND, seconds, one)

    await asyncio.gather(*(flooder(number) for number in range(FLOODERS)))
    return statuses


@contextlib.contextmanager
def serving(folder: Path, **more: str) -> Iterator[tuple[int, str, str]]:
    """A server that wants keys; its port, a good key without a quota, and one of the tier free."""
    settings = {"DATA_DIR": str(folder), "AUTH_MODE": "api_key", "MCP_MASTER_KEY": secrets.token_urlsafe(32)}
    limits = {"TRUSTED_PROXIES": "127.0.0.1/32", "RATE_LIMIT_MODE": "disabled"}
    environment = {**os.environ, **settings, **limits, **more}
    program, log = [sys.executable, "-m", "reddit_mcp"], folder / "log"

    def key(user: str, tier: str) -> str:
        words = [*program, "keys", "create", "--user", user, "--name", "benchmark", "--tier", tier, "--json"]
        return str(json.loads(subprocess.check_output(words, env=environment, cwd=folder))["key"])

    with log.open("wb") as file:
        server = subprocess.Popen([*program, "serve", "--port", "0"], env=environment, cwd=folder, stdout=file)
    try:
        while not (found := re.search(r"at http://\S+:(\d+)/mcp", log.read_text())):
            time.sleep(0.05)
        yield int(found[1]), key("good", "enterprise"), key("other", "free")
    finally:
        server.terminate()
        server.wait()


@dataclass
class Spells:
    """All spells of one kind."""

    name: str
    taken: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def p95(self) -> float:
        return statistics.quantiles(self.taken, n=20)[-1]

    def row(self, quiet: "Spells") -> str:
        wrong = ", ".join(
            f"{count / SPELL_SECONDS / ROUNDS:.0f} of {status}" for status, count in self.statuses.items()
        )
        ratio = self.p95() / quiet.p95()
        return (
            f"| {self.name} | {wrong or 'none'} | {len(self.taken)} | {statistics.median(self.taken):.1f} "
            f"| {self.p95():.1f} | {ratio:.2f} |"
        )


def spell(spells: Spells, port: int, key: str, words: list[str]) -> None:
    """One spell of good calls, beside the flood that the words ask for."""
    flooding = (
        [subprocess.Popen([sys.executable, __file__, str(port), *words], stdout=subprocess.PIPE)] if words else []
    )
    spells.taken += asyncio.run(call(port, key, SPELL_SECONDS))
    for process in flooding:
        spells.statuses += Counter({int(k): v for k, v in json.loads(process.communicate()[0]).items()})


def main() -> None:
    quiet, one, many = Spells("quiet"), Spells("flood from one address"), Spells("flood from ever new addresses")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (port, key, _):
        asyncio.run(call(port, key, 1))
        for _ in range(ROUNDS):
            spell(quiet, port, key, [])
            spell(one, port, key, ["one"])
            spell(many, port, key, ["many"])
    rows = "\n".join(spells.row(quiet) for spells in (quiet, one, many))
    wrong = FLOODERS * KEYS_A_SECOND
    section = f"""## What good callers feel of a flood of wrong keys

`{priority()}python benchmarks/auth.py`, {when_and_where()}. {CALLERS} callers with a known key,
{CALLS_A_SECOND} cached tool calls a second each, times in milliseconds; {wrong:,} different wrong keys a second from
another process of the same machine; {ROUNDS} spells of {SPELL_SECONDS} s each, in turns.
Target: p95 within {TARGET} of quiet for both floods. Keys that are looked up share round trips.

| spells | wrong keys answered a second | good calls | p50 | p95 | p95 to quiet |
|---|---|---|---|---|---|
{rows}"""
    write("auth", section)
    print(section)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(asyncio.run(flood(int(sys.argv[1]), sys.argv[2] == "many", SPELL_SECONDS))))
    else:
        main()
