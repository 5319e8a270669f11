"""A process that takes jobs and never ends them: it says what it has taken, and waits to be killed.

Arguments: the store's address and the prefix of its keys.
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.watches.background_jobs import BackgroundJobs


async def hold(payload: Mapping[str, Any]) -> None:
    sys.stdout.write(f"{payload['number']}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def main(url: str, prefix: str) -> None:
    async with Store(connect(url, timeout=5), prefix=prefix, timeout=5, cluster_url=url) as store:
        jobs = BackgroundJobs(store)
        jobs.handle("work", hold)
        async with jobs:
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
