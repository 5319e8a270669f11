"""What a good caller feels of two attacks that cost their sender nothing: bodies of 1 MB, and completions.

    python benchmarks/attacks.py

A server process of its own wants keys; a good caller sends cached tool calls at a steady pace. The attackers are
another process: 12 connections that send bodies of 1 MB with an endless query, or 40 connections that complete the
names of communities, each without a pause and with a key of its own. Quiet and attacked spells alternate. The table
goes into docs/benchmarks.md.
"""

import asyncio
import contextlib
import json
import random
import string
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from auth import SPELL_SECONDS, Connection, Spells, call, serving
from report import priority, when_and_where, write

ROUNDS = 3
HEAD = (
    "POST /mcp HTTP/1.1\r\nhost: localhost\r\n"
    "content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
)
COMPLETION = {"ref": {"type": "ref/resource", "uri": "reddit://r/{subreddit}/about"}}


def large() -> bytes:
    query = {"name": "search_reddit", "arguments": {"query": "x" * 1_000_000}}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": query}).encode()


def completing() -> bytes:
    start = "".join(random.choices(string.ascii_lowercase, k=3))
    asked = {**COMPLETION, "argument": {"name": "subreddit", "value": start}}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "completion/complete", "params": asked}).encode()


ATTACKS = {"large": (large, 12), "completing": (completing, 40)}


async def attack(port: int, key: str, kind: str, seconds: float) -> Counter[str]:
    """Send without a pause; how many were answered how."""
    body, connections = ATTACKS[kind]
    told: Counter[str] = Counter()
    until = time.perf_counter() + seconds

    async def one() -> None:
        connection = await Connection.open(port)
        while time.perf_counter() < until:
            content = body()
            head = f"{HEAD}x-api-key: {key}\r\ncontent-length: {len(content)}\r\n\r\n"
            text = await connection.exchange(head.encode() + content)
            told["rate_limited" if b"rate_limited" in text or b"-32004" in text else "answered"] += 1

    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        await asyncio.gather(*(one() for _ in range(connections)))
    return told


@contextlib.contextmanager
def attacking(port: int, key: str, kind: str, told: Counter[str]) -> Iterator[None]:
    words = [sys.executable, __file__, str(port), key, kind]
    process = subprocess.Popen(words, stdout=subprocess.PIPE) if kind else None
    yield
    if process:
        told.update(json.loads(process.communicate()[0]))


def main() -> None:
    spells = {"": Spells("quiet"), "large": Spells("12 x 1 MB"), "completing": Spells("40 completing")}
    told: dict[str, Counter[str]] = {kind: Counter() for kind in spells}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), RATE_LIMIT_MODE="enforce") as (port, key, bad):
        asyncio.run(call(port, key, 1))
        for _ in range(ROUNDS):
            for kind, each in spells.items():
                with attacking(port, bad, kind, told[kind]):
                    each.taken += asyncio.run(call(port, key, SPELL_SECONDS))
    quiet = spells[""]
    rows = "\n".join(
        each.row(quiet).replace("| none |", f"| {dict(told[kind]) or 'none'} |") for kind, each in spells.items()
    )
    section = f"""## What good callers feel of requests that cost their sender nothing

`{priority()}python benchmarks/attacks.py`, {when_and_where()}. 5 callers with a key, 8 cached tool calls a second each,
times in milliseconds; the attackers are another process of the same machine and send without a pause with a key of the
tier free; {ROUNDS} spells of {SPELL_SECONDS} s each, in turns. Targets: p95 within 1.5 of quiet under bodies of 1 MB;
no more than 30 ms more under completions.

| spells | the attackers' requests | good calls | p50 | p95 | p95 to quiet |
|---|---|---|---|---|---|
{rows}"""
    write("attacks", section)
    print(section)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(asyncio.run(attack(int(sys.argv[1]), sys.argv[2], sys.argv[3], SPELL_SECONDS))))
    else:
        main()
