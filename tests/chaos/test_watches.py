"""Five hours of 200 watches in half a minute: three servers, a worker, a receiver, and what may befall them."""

import asyncio
import base64
import contextlib
import os
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook

from reddit_mcp.models import Watch
from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.storage.watches.watch_store import WatchStore
from tests.support import accelerated_server
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import answering, free_port, running_server, until
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.server_process import ANNOUNCED, environment
from tests.support.tool_calls import asking
from tests.support.webhook_receiver import Receiver, answer, receiving

FASTER = 500.0
HOURS = 5
COMMUNITIES = ("python", "rust", "golang", "sweden", "cooking")
COLOURS = ("red", "blue", "pale", "dark", "green", "grey", "black", "white")
ANIMALS = ("fox", "owl", "cat", "elk", "hare", "mole", "crow", "toad", "newt", "bear")
WORDS = tuple(colour + animal for colour in COLOURS for animal in ANIMALS)
INTERVALS = (5, 10, 15)
HIGH_SCORE = 500
ROOT = Path(__file__).parents[2]


class GrowingReddit:
    """Lists posts as time goes on, a hundred a page and a thousand at most, newest first."""

    def __init__(self, scripted: ScriptedReddit, clock: accelerated_server.FastClock) -> None:
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


class Flaky:
    """What the receiver says: now and then that it is broken.

    Attributes:
        taken: when it took each message, by their ids.
        broken: how many it did not take.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)
        self.broken = 0
        self._receiver = receiver
        receiver.answers = [self]

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        if len(self._receiver.requests) % 40 == 7:
            self.broken += 1
            writer.write(answer(500))
        else:
            self.taken[self._receiver.ids[-1]].append(time.time())
            writer.write(answer())


class Process:
    """A server or a worker; what it prints goes to a file, which nothing fills up."""

    def __init__(self, folder: Path, number: int, *words: str, **settings: str) -> None:
        self.log = folder / f"{words[0]}{number}.log"
        home = folder / f"data{number}"
        home.mkdir()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.accelerated_server", *words],
                env={**environment(home, **settings), "PYTHONPATH": str(ROOT)},
                cwd=home,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def ready(self, said: str) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while said not in (text := self.log.read_text()):
                assert self.process.poll() is None, text
                await asyncio.sleep(0.05)
        return text

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)


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
        watch: dict[str, Any] = {"keywords": chance.sample(WORDS, 2), "check_interval": INTERVALS[number % 3]}
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


def message_id(watch: Watch, post: str) -> str:
    return f"msg_{watch.watch_id}_{watch.watch_id}-{post}"


async def growing(reddit: GrowingReddit, clock: accelerated_server.FastClock, until: float) -> None:
    while clock.now() < until:
        reddit.grow()
        await clock.sleep(30)


async def ids_of(watches: WatchStore, watch: Watch) -> list[str]:
    page = await watches.matches(watch.owner, watch.watch_id, limit=1000)
    return [match.post["id"] for match in page.matches]


@pytest.mark.timeout(900)
async def test_five_hours_of_matches_reach_their_receiver_none_lost_and_doubled_only_by_a_kill(
    tmp_path: Path, reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, folder = free_port(), tmp_path / "redis"
    folder.mkdir()
    started = time.time()
    monkeypatch.setenv("ACCELERATED_SINCE", str(started))
    monkeypatch.setenv("ACCELERATED_BY", str(FASTER))
    clock = accelerated_server.FastClock()
    upstream = GrowingReddit(reddit, clock)
    settings = settings_of(url := f"redis://127.0.0.1:{port}", reddit)
    async with contextlib.AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving())
        flaky = Flaky(receiver)
        server = await stack.enter_async_context(redis_in(folder, port))
        replicas = [Process(tmp_path, number, "serve", "--port", "0", **settings) for number in range(3)]
        worker = Process(tmp_path, 3, "worker", **settings)
        for process in (*replicas, worker):
            stack.callback(process.kill)
        announced = [ANNOUNCED.search(await replica.ready("/mcp")) for replica in replicas]
        urls = [found[1] for found in announced if found]
        await worker.ready("background jobs")
        mine, secrets = await created(urls, receiver.url)
        reddit.requests.clear()
        begin = clock.now()
        end = begin + HOURS * 3600
        grower = asyncio.create_task(growing(upstream, clock, end))
        await reached(clock, begin + 1.5 * 3600)
        replicas[0].kill()
        kills = [time.time()]
        await reached(clock, begin + 3 * 3600)
        server.kill()
        kills.append(time.time())
        await server.wait()
        await asyncio.sleep(1)
        await stack.enter_async_context(redis_in(folder, port))
        await grower
        store = await stack.enter_async_context(
            Store(connect(url, timeout=5), prefix="reddit_mcp:", timeout=5, cluster_url=url)
        )
        watches = WatchStore(store)
        told = {message_id(watch, post) for watch in mine for post in expected(watch, upstream.posts)}
        await until(lambda: flaky.taken.keys() >= told, seconds=300)
        intervals = sum((clock.now() - begin) / 60 / watch.check_interval for watch in mine)
        spent = len(reddit.requests)
        found = {watch.watch_id: await ids_of(watches, watch) for watch in mine}
        for watch in mine:
            assert sorted(found[watch.watch_id]) == sorted(expected(watch, upstream.posts))
            assert (await watches.get(watch.owner, watch.watch_id)).gap is None
        assert spent * 10 <= intervals
        assert flaky.taken.keys() == told
        assert flaky.broken > len(told) / 60
        assert_repeated_only_by(kills, flaky)
        assert_signed(receiver, secrets)
        assert [process.end() for process in (*replicas[1:], worker)] == [0, 0, 0]


def settings_of(redis_url: str, reddit: ScriptedReddit) -> dict[str, str]:
    return {
        "REDIS_URL": redis_url,
        "MCP_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
        "REDDIT_CLIENT_ID": "id",
        "REDDIT_CLIENT_SECRET": "secret",
        "REDDIT_URL": reddit.url,
        "REDDIT_OAUTH_URL": reddit.url,
        "REDDIT_QPM": "6000",
        "REDIS_TIMEOUT": "2",
        "ENVIRONMENT": "development",
    }


def assert_repeated_only_by(kills: list[float], flaky: Flaky) -> None:
    """What was taken twice was on its way when a server or Redis was killed."""
    for times in flaky.taken.values():
        assert all(any(first <= kill + 1 and kill <= second for kill in kills) for first, second in pairwise(times))


def assert_signed(receiver: Receiver, secrets: dict[str, str]) -> None:
    """Each message is signed with its watch's secret, and named after what it tells."""
    for request in receiver.requests:
        watch_id = orjson.loads(request.body)["data"]["watch_id"]
        match = Webhook(secrets[watch_id]).verify(request.body, request.headers)["data"]["match"]
        assert request.headers["webhook-id"] == f"msg_{watch_id}_{match['match_id']}"


async def created(urls: list[str], receiver: str) -> tuple[list[Watch], dict[str, str]]:
    """The watches, made through all replicas, and their signing secrets."""
    mine, secrets = [], {}
    async with contextlib.AsyncExitStack() as stack:
        asks = [await stack.enter_async_context(asking(url)) for url in urls]
        for number, wanted in enumerate(the_watches()):
            made = await asks[number % 3]("watch_keywords", action="create", webhook_url=receiver, **wanted)
            mine.append(Watch.model_validate({"owner": "local", **made["watch"]}))
            secrets[mine[-1].watch_id] = made["watch"]["webhook_secret"]
    return mine, secrets


async def reached(clock: accelerated_server.FastClock, moment: float) -> None:
    await clock.sleep(moment - clock.now())
