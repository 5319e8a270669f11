"""The real Actor as a process, in front of the fake platform, and calls to it over HTTP."""

import asyncio
import contextlib
import itertools
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.fake_platform import FakePlatform
from tests.running import environment
from tests.storage_fixtures import free_port

HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


class BilledServer:
    """A running Actor.

    Attributes:
        process: its process.
        log: what it wrote so far.
    """

    def __init__(self, process: subprocess.Popen[bytes], client: httpx.AsyncClient, log: Path) -> None:
        self.process = process
        self._client = client
        self._log = log
        self._numbers = itertools.count(1)

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def call(self, tool: str, request_id: str | None = None, **arguments: Any) -> dict[str, Any]:
        """A tool's structured content."""
        message = {"jsonrpc": "2.0", "id": next(self._numbers), "method": "tools/call"}
        named = {"X-Actor-Request-ID": request_id} if request_id else {}
        params = {"name": tool, "arguments": arguments}
        answer = await self._client.post("/mcp", json={**message, "params": params}, headers=named)
        content: dict[str, Any] = answer.json()["result"]["structuredContent"]
        return content

    async def through_gateway(self, platform: FakePlatform, tool: str, **arguments: Any) -> dict[str, Any]:
        """A call as it comes to a run of many accounts."""
        request_id = f"request-{next(self._numbers)}"
        with platform.request(request_id):
            return await self.call(tool, request_id, **arguments)

    async def usage(self) -> dict[str, Any]:
        """The caller's own page."""
        found: dict[str, Any] = (await self._client.get("/usage")).json()
        return found

    async def ready(self) -> None:
        """Wait until it serves."""
        while True:
            assert self.process.poll() is None, self.log
            with contextlib.suppress(httpx.HTTPError):
                if (await self._client.get("/health/ready")).status_code == 200:
                    return
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def billed_server(data_dir: Path, platform: FakePlatform, **settings: str) -> AsyncIterator[BilledServer]:
    """An Actor that serves; ended when the context ends."""
    port = free_port()
    address, log = f"http://127.0.0.1:{port}", data_dir / "actor.log"
    with actor(data_dir, platform, ACTOR_WEB_SERVER_PORT=str(port), **settings) as process:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=60, limits=limits) as client:
            server = BilledServer(process, client, log)
            async with asyncio.timeout(30):
                await server.ready()
            yield server


@contextlib.contextmanager
def actor(data_dir: Path, platform: FakePlatform, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process; its log is `actor.log`. Callers have no quota, for here the money is counted."""
    given = {"RATE_LIMIT_MODE": "disabled", **platform.environment(), **settings}
    with (data_dir / "actor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "reddit_mcp", "actor"],
            env=environment(data_dir, **given),
            cwd=data_dir,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(40)


async def some_post(server: BilledServer) -> str:
    """The id of a post of the sample archive; costs two calls."""
    trends = await server.call("get_trending_topics")
    community = trends["trending_topics"][0]["top_subreddits"][0]["name"]
    posts = (await server.call("get_subreddit_posts", subreddit=community))["posts"]
    return str(max(posts, key=lambda post: post["num_comments"])["id"])
