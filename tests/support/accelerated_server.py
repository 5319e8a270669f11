"""The command line, on a clock that runs fast: `python -m tests.support.accelerated_server serve ...`.

ACCELERATED_SINCE is the moment of the computer's clock at which both were equal, ACCELERATED_BY how much faster it is.
"""

import asyncio
import os
import sys
import time

from reddit_mcp import container
from reddit_mcp.cli.parser import main
from reddit_mcp.watches.webhooks import match_delivery


class FastClock:
    """A clock for everything that watches do."""

    def __init__(self) -> None:
        self.since = float(os.environ["ACCELERATED_SINCE"])
        self.by = float(os.environ["ACCELERATED_BY"])

    def now(self) -> float:
        return self.since + (time.time() - self.since) * self.by

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.by)


if __name__ == "__main__":
    vars(container)["SystemClock"] = FastClock
    faster = FastClock().by  # but receivers are as slow as ever, and so is the wait for a place to send
    vars(match_delivery)["OVERLOAD_SECONDS"] = tuple(seconds * faster for seconds in match_delivery.OVERLOAD_SECONDS)
    sys.exit(main())
