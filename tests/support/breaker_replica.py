"""A replica with one breaker, told what to do line by line: `REDIS_URL` in the environment, its rules as JSON."""

import asyncio
import json
import os
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from reddit_mcp.errors import Failure, NotFound, UpstreamError
from reddit_mcp.observability import logs
from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules

if TYPE_CHECKING:
    from reddit_mcp.upstream.resilience.circuit_breaker import Pass


class Replica:
    """A breaker and the probes that were let through and are not back."""

    def __init__(self, breakers: BreakerRegistry) -> None:
        self.breaker = breakers.get("reddit")
        self.held: list[Pass] = []

    async def do(self, word: str) -> str:
        match word:
            case "state":
                return self.breaker.state
            case "probe":
                return await self._told(self._probe())
            case "learnt nothing":
                while self.held:
                    await self.breaker.leave(self.held.pop(), asyncio.CancelledError())
                return "ok"
        return await self._told(self._call({"fault": UpstreamError("HTTP 503"), "missing": NotFound("gone")}.get(word)))

    async def _told(self, work: Coroutine[Any, Any, None]) -> str:
        try:
            await work
        except Failure as failure:
            return failure.type
        return "answered"

    async def _probe(self) -> None:
        self.held.append(await self.breaker.enter())

    async def _call(self, error: Failure | None) -> None:
        async with self.breaker.guard():
            if error:
                raise error


async def main() -> None:
    logs.configure("INFO", sys.stderr)
    url = os.environ["REDIS_URL"]
    async with Store(connect(url, timeout=5.0), prefix="test:", timeout=5.0, cluster_url=url) as store:
        breakers = BreakerRegistry(store, BreakerRules(**json.loads(sys.argv[1])))
        replica = Replica(breakers)
        print("ready", flush=True)  # noqa: T201
        while word := await asyncio.to_thread(sys.stdin.readline):
            print(await replica.do(word.strip()), flush=True)  # noqa: T201
        await breakers.aclose()


asyncio.run(main())
