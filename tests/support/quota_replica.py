"""A replica that spends the quotas of several users at once, fifty calls at a time; prints what came of each call.

Arguments: the URL of Redis, JSON of users and their tiers, seconds to go on for at least.
"""

import asyncio
import json
import sys
import time

from reddit_mcp.storage.limits.quota_counters import QuotaCounters
from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.tiers import Tier
from tests.support.redis_store import PREFIX

AT_ONCE, ENOUGH = 50, 10
"""Callers at once, and the calls of each that a slow machine makes too."""


async def main(url: str, users: str, seconds: str) -> None:
    tiers = {name: Tier(**figures) for name, figures in json.loads(users).items()}
    outcomes: list[tuple[str, int, str | None]] = []
    async with Store(connect(url, timeout=5), prefix=PREFIX, timeout=5, cluster_url=url) as store:
        quotas, end = QuotaCounters(store), time.monotonic() + float(seconds)

        async def caller(name: str) -> None:
            calls = 0
            while time.monotonic() < end or calls < ENOUGH:
                calls += 1
                spent = await quotas.spend(name, tiers[name], 1)
                outcomes.append((name, spent.at, spent.refused.window if spent.refused else None))

        names = list(tiers)
        print("ready", flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.gather(*(caller(names[number % len(names)]) for number in range(AT_ONCE)))
    print(json.dumps(outcomes), flush=True)  # noqa: T201


asyncio.run(main(*sys.argv[1:]))
