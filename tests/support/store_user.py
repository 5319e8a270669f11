"""A process that opens the store of DATA_DIR and runs the Redis commands it reads, one a line, until its input ends."""

import asyncio
import sys

from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage import Store, open_store


async def run(store: Store, line: str) -> str:
    try:
        async with store.visit() as redis:
            return str(await redis.execute_command(*line.split()))  # type: ignore[no-untyped-call]
    except Unavailable as error:
        return str(error.data["reason"])


async def main() -> None:
    async with open_store(Settings()) as store:
        print("ready", flush=True)  # noqa: T201
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(await run(store, line), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
