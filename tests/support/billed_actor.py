"""The real Actor as a process, in front of the fake platform, and calls to it over HTTP."""

import asyncio
import contextlib
import itertools
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.support.fake_platform import FakePlatform, Fault
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import free_port
from tests.support.server_process import environment, give_sample

HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
AT_ONCE = 14
PATIENT = {"BREAKER_RATE": "1", "BREAKER_FAILURES": "50", "BREAKER_WAIT": "0.5"}
FAULTS = (
    {"status": 500},
    {"status": 502, "applied": True},
    {"status": 429},
    {"lost": True},
    {"lost": True, "applied": True},
    {"hang": True},
    {"hang": True, "applied": True},
    {"delay": 0.5},
)


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
        answer = await self.ask("tools/call", {"name": tool, "arguments": arguments}, request_id)
        content: dict[str, Any] = answer["result"]["structuredContent"]
        return content

    async def read(self, address: str, request_id: str | None = None) -> dict[str, Any]:
        """The whole answer to the read of a resource."""
        return await self.ask("resources/read", {"uri": address}, request_id)

    async def ask(self, method: str, params: dict[str, Any], request_id: str | None = None) -> dict[str, Any]:
        """The JSON-RPC answer to a request."""
        named = {"X-Actor-Request-ID": request_id} if request_id else {}
        message = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}
        answer: dict[str, Any] = (await self._client.post("/mcp", json=message, headers=named)).json()
        return answer

    async def through_gateway(
        self, platform: FakePlatform, tool: str, request_id: str | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """A call as it comes to a run of many accounts."""
        name = request_id or f"request-{uuid4().hex}"
        with platform.request(name):
            return await self.call(tool, name, **arguments)

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


@dataclass(frozen=True)
class Run:
    """A running Actor: its process, where it listens, what it writes to."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path


@contextlib.contextmanager
def billed_run(data_dir: Path, platform: FakePlatform, **settings: str) -> Iterator[Run]:
    """An Actor that may not be ready yet; ended when the context ends."""
    port = free_port()
    with actor(data_dir, platform, ACTOR_WEB_SERVER_PORT=str(port), **settings) as process:
        yield Run(process, f"http://127.0.0.1:{port}", data_dir / "actor.log")


@contextlib.asynccontextmanager
async def calling(run: Run) -> AsyncIterator[BilledServer]:
    """Callers of a run, once it is ready."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=run.address, headers=HEADERS, timeout=60, limits=limits) as client:
        server = BilledServer(run.process, client, run.log)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await server.ready()
        yield server


@contextlib.asynccontextmanager
async def billed_server(data_dir: Path, platform: FakePlatform, **settings: str) -> AsyncIterator[BilledServer]:
    """An Actor that serves; ended when the context ends."""
    with billed_run(data_dir, platform, **settings) as run:
        async with calling(run) as server:
            yield server


@contextlib.contextmanager
def actor(data_dir: Path, platform: FakePlatform, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process; its log is `actor.log`. Callers have no quota, for here the money is counted."""
    give_sample(data_dir)
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
        process.wait(PATIENCE_SECONDS)


async def some_post(server: BilledServer) -> str:
    """The id of a post of the sample archive; costs two calls."""
    trends = await server.call("get_trending_topics")
    community = trends["trending_topics"][0]["top_subreddits"][0]["name"]
    posts = (await server.call("get_subreddit_posts", subreddit=community))["posts"]
    return str(max(posts, key=lambda post: post["num_comments"])["id"])


def is_good(answer: dict[str, Any]) -> bool:
    return "error" not in answer


def reason(answer: dict[str, Any]) -> str:
    return str(answer["error"]["data"]["reason"])


@contextlib.asynccontextmanager
async def forgetful(run: Run, platform: FakePlatform) -> AsyncIterator[tuple[BilledServer, FakePlatform]]:
    """What was charged before does not matter."""
    async with calling(run) as server:
        platform.heal()
        for kept in (platform.charges, platform.charging.repeated, platform.charging.late):
            kept.clear()
        yield server, platform


def mishaps(chance: random.Random) -> Any:
    """A quarter of all charges goes wrong."""

    def mishap(path: str, _number: int) -> Fault | None:
        if "/charge" not in path or chance.random() > 0.25:
            return None
        return Fault(**chance.choices(FAULTS, weights=(8, 8, 4, 8, 8, 1, 1, 8))[0])

    return mishap


def kinds(post: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("search_reddit", {"query": "garden"}),
        ("get_post_comments", {"post_id": post, "expand_more": 2, "limit": 3}),
        ("get_trending_topics", {}),
        ("search_reddit", {"query": ""}),  # refused
        ("get_user_info", {"username": "nobody_of_this_name"}),  # not found
    ]


async def side_by_side(calls: Iterator[Any]) -> list[Any]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(call: Any) -> Any:
        async with places:
            return await call

    return await asyncio.gather(*map(one, calls))
