"""Five hours of 200 watches in half a minute: three servers, a worker, and what may befall them."""

import asyncio
import base64
import contextlib
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.models import Watch
from reddit_mcp.storage.connection import Store, connect
from reddit_mcp.storage.watches import Watches
from tests import accelerated
from tests.running import ANNOUNCED, environment
from tests.scripted_reddit import Reply, Request, ScriptedReddit
from tests.storage_fixtures import answering, free_port, running_server
from tests.tool_calls import asking

FASTER = 500.0
HOURS = 5
COMMUNITIES = ("python", "rust", "golang", "sweden", "cooking")
WORDS = tuple(colour + animal for colour in ("red", "blue", "pale", "dark") for animal in ("fox", "owl", "cat", "elk"))
INTERVALS = (5, 10, 15)
HIGH_SCORE = 500
ROOT = Path(__file__).parents[2]


class GrowingReddit:
    """Lists posts as time goes on, a hundred a page and a thousand at most, newest first."""

    def __init__(self, scripted: ScriptedReddit, clock: accelerated.FastClock) -> None:
        self.posts: list[dict[str, Any]] = []
        self._clock = clock
        self._chance = random.Random(6)
        scripted.answer = self._answer

    def grow(self) -> None:
        """A post more, with two words that somebody may watch for."""
        words = self._chance.sample(WORDS, 2)
        post = {
            "id": f"p{len(self.posts)}",
            "title": f"On {words[0]}, start{words[1]} and {words[1].upper()}!",
            "words": words,
            "author": "somebody",
            "subreddit": self._chance.choice(COMMUNITIES),
            "created_utc": int(self._clock.now()),
            "score": HIGH_SCORE if self._chance.random() < 0.05 else 1,
            "num_comments": 0,
        }
        self.posts.append(post)

    def _answer(self, request: Request) -> Reply:
        newest = [post for post in reversed(self.posts) if self._is_asked_for(post, request)]
        after = request.query.get("after", "").removeprefix("t3_")
        start = next((i + 1 for i, post in enumerate(newest) if post["id"] == after), 0)
        page = newest[start : start + 100][: 1000 - start]
        following = f"t3_{page[-1]['id']}" if page and start + 100 < len(newest) else None
        children = [{"kind": "t3", "data": post} for post in page]
        return Reply(body={"kind": "Listing", "data": {"children": children, "after": following}})

    def _is_asked_for(self, post: dict[str, Any], request: Request) -> bool:
        if request.path == "/api/info":
            return f"t3_{post['id']}" in request.query["id"].split(",")
        if "q" in request.query:
            return any(word in post["words"] for word in re.findall('"([^"]+)"', request.query["q"]))
        return post["subreddit"] in request.path.split("/")[2].split("+")


class Process:
    """A server or a worker; what it prints goes to a file, which nothing fills up."""

    def __init__(self, folder: Path, number: int, *words: str, **settings: str) -> None:
        self.log = folder / f"{words[0]}{number}.log"
        home = folder / f"data{number}"
        home.mkdir()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.accelerated", *words],
                env={**environment(home, **settings), "PYTHONPATH": str(ROOT)},
                cwd=home,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def ready(self, said: str) -> str:
        async with asyncio.timeout(60):
            while said not in (text := self.log.read_text()):
                assert self.process.poll() is None, text
                await asyncio.sleep(0.05)
        return text

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(40)


@pytest.fixture
def reddit() -> Iterator[ScriptedReddit]:
    scripted = ScriptedReddit()
    with scripted.running():
        yield scripted


def the_watches() -> list[dict[str, Any]]:
    """What 200 people watch for: words in some communities, or anywhere, and only popular posts."""
    chance = random.Random(7)
    wanted = []
    for number in range(200):
        watch: dict[str, Any] = {"keywords": chance.sample(WORDS, 3), "check_interval": INTERVALS[number % 3]}
        watch["alert_threshold"] = "high_engagement" if number % 20 == 1 else "any"
        if number % 20:
            watch["subreddits"] = chance.sample(COMMUNITIES, chance.randint(1, 3))
        wanted.append(watch)
    return wanted


def expected(watch: Watch, posts: list[dict[str, Any]]) -> set[str]:
    return {
        post["id"]
        for post in posts
        if set(post["words"]) & set(watch.keywords)
        and (not watch.subreddits or post["subreddit"] in watch.subreddits)
        and (watch.alert_threshold == "any" or post["score"] == HIGH_SCORE)
    }


@contextlib.asynccontextmanager
async def redis_in(folder: Path, port: int) -> Any:
    options = ("--port", str(port), "--appendonly", "yes")
    with contextlib.suppress(ProcessLookupError):  # when it was killed
        async with running_server(folder, *options) as server:
            await answering(f"redis://127.0.0.1:{port}")
            yield server


async def growing(reddit: GrowingReddit, clock: accelerated.FastClock, until: float) -> None:
    while clock.now() < until:
        reddit.grow()
        await clock.sleep(30)


async def ids_of(watches: Watches, watch: Watch) -> list[str]:
    page = await watches.matches(watch.owner, watch.watch_id, limit=1000)
    return [match.post["id"] for match in page.matches]


async def missing(watches: Watches, mine: list[Watch], posts: list[dict[str, Any]]) -> int:
    return sum([len(expected(watch, posts) - set(await ids_of(watches, watch))) for watch in mine])


@pytest.mark.timeout(240)
async def test_five_hours_lose_nothing_and_double_nothing(
    tmp_path: Path, reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, folder = free_port(), tmp_path / "redis"
    folder.mkdir()
    started = time.time()
    monkeypatch.setenv("ACCELERATED_SINCE", str(started))
    monkeypatch.setenv("ACCELERATED_BY", str(FASTER))
    clock = accelerated.FastClock()
    upstream = GrowingReddit(reddit, clock)
    settings = {
        "REDIS_URL": (url := f"redis://127.0.0.1:{port}"),
        "MCP_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
        "REDDIT_CLIENT_ID": "id",
        "REDDIT_CLIENT_SECRET": "secret",
        "REDDIT_URL": reddit.url,
        "REDDIT_OAUTH_URL": reddit.url,
        "REDDIT_QPM": "6000",
        "REDIS_TIMEOUT": "2",
    }
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(redis_in(folder, port))
        replicas = [Process(tmp_path, number, "serve", "--port", "0", **settings) for number in range(3)]
        worker = Process(tmp_path, 3, "worker", **settings)
        for process in (*replicas, worker):
            stack.callback(process.kill)
        announced = [ANNOUNCED.search(await replica.ready("/mcp")) for replica in replicas]
        urls = [found[1] for found in announced if found]
        await worker.ready("background jobs")
        mine = await created(urls)
        reddit.requests.clear()
        begin = clock.now()
        end = begin + HOURS * 3600
        grower = asyncio.create_task(growing(upstream, clock, end))
        await reached(clock, begin + 1.5 * 3600)
        replicas[0].kill()
        await reached(clock, begin + 3 * 3600)
        server.kill()
        await server.wait()
        await asyncio.sleep(1)
        await stack.enter_async_context(redis_in(folder, port))
        await grower
        store = await stack.enter_async_context(
            Store(connect(url, timeout=5), prefix="reddit_mcp:", timeout=5, cluster_url=url)
        )
        watches = Watches(store)
        async with asyncio.timeout(60):
            while await missing(watches, mine, upstream.posts):  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.5)
        intervals = sum((clock.now() - begin) / 60 / watch.check_interval for watch in mine)
        spent = len(reddit.requests)
        found = {watch.watch_id: await ids_of(watches, watch) for watch in mine}
        for watch in mine:
            assert sorted(found[watch.watch_id]) == sorted(expected(watch, upstream.posts))
            assert (await watches.get(watch.owner, watch.watch_id)).gap is None
        assert spent * 10 <= intervals
        assert [process.end() for process in (*replicas[1:], worker)] == [0, 0, 0]


async def created(urls: list[str]) -> list[Watch]:
    """The watches, made through all replicas."""
    mine = []
    async with contextlib.AsyncExitStack() as stack:
        asks = [await stack.enter_async_context(asking(url)) for url in urls]
        for number, wanted in enumerate(the_watches()):
            answer = await asks[number % 3]("watch_keywords", action="create", **wanted)
            mine.append(Watch.model_validate({"owner": "local", **answer["watch"]}))
    return mine


async def reached(clock: accelerated.FastClock, moment: float) -> None:
    await clock.sleep(moment - clock.now())
