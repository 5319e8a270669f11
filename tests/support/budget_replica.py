"""A replica for the tests of the shared budget: offers requests for a while, then tells when each reached Reddit.

Run as `python -m tests.support.budget_replica JSON`; times are CLOCK_MONOTONIC, which all processes of a machine share.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from reddit_mcp.upstream.rate_limit.request_queue import RequestQueue
from reddit_mcp.upstream.source import Priority
from tests.support.request_budget import Upstream, query, queue_over, store_at


@dataclass(frozen=True)
class Order:
    """What a replica does.

    Attributes:
        flood: requests of this class, kept waiting at all times.
        waiting: how many of them.
        interactive: high-priority requests in `span` seconds, at random times.
        seconds: how long.
        answer: seconds the upstream takes.
    """

    url: str
    name: str
    seconds: float
    waiting: int = 0
    flood: int = Priority.HIGH
    interactive: float = 0.0
    limit: int = 100
    span: float = 61.0
    answer: float = 0.02


@dataclass
class Account:
    """When requests reached the upstream, and how long interactive calls took."""

    times: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)


class Replica:
    """One of them, seen from the test."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, order: Order) -> Self:
        program = (sys.executable, "-m", "tests.support.budget_replica", json.dumps(asdict(order)))
        return cls(await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE))

    async def account(self) -> Account:
        output, _ = await self.process.communicate()
        assert self.process.returncode == 0
        return Account(**json.loads(output))


async def run(orders: Sequence[Order]) -> Account:
    """Let them all run, and add up."""
    replicas = await asyncio.gather(*(Replica.start(order) for order in orders))
    total = Account()
    for account in await asyncio.gather(*(replica.account() for replica in replicas)):
        total.times += account.times
        total.latencies += account.latencies
    return total


async def _offer(queue: RequestQueue, order: Order, number: int) -> None:
    for i in range(10**9):
        await queue.fetch(query(f"{order.name}-{number}-{i}", Priority(order.flood)))


async def _interact(queue: RequestQueue, order: Order, latencies: list[float]) -> None:
    async def call(number: int) -> None:
        started = time.monotonic()
        await queue.fetch(query(f"{order.name}-interactive-{number}", Priority.HIGH))
        latencies.append(time.monotonic() - started)

    async with asyncio.TaskGroup() as calls:
        for number in range(10**9):
            await asyncio.sleep(random.expovariate(order.interactive / order.span))
            calls.create_task(call(number))


async def _main(order: Order) -> None:
    upstream, account = Upstream(order.answer), Account()
    account.times = upstream.times
    work: list[Any] = []
    async with store_at(order.url) as store:
        async with queue_over(upstream, store, order.name, limit=order.limit, span=order.span) as queue:
            work += [asyncio.create_task(_offer(queue, order, number)) for number in range(order.waiting)]
            if order.interactive:
                work.append(asyncio.create_task(_interact(queue, order, account.latencies)))
            await asyncio.sleep(order.seconds)
            for each in work:
                each.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    print(json.dumps(asdict(account)))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_main(Order(**json.loads(sys.argv[1]))))
