"""Reddit fails in every way it knows; the real PRAW at the bottom, breaker and retry above it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import stamina

from reddit_mcp.errors import DeadlineExceeded, Failure
from reddit_mcp.models import Subreddit
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.circuit_breaker import Guarded
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules
from reddit_mcp.upstream.resilience.retry import Retry, RetryRules
from reddit_mcp.upstream.single_flight import call_context
from reddit_mcp.upstream.source import Answer, Query, Source
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import fake_store, until
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit

QUERY = Query(kind="subreddit", model=Subreddit, resource="community r/lua", path="/r/lua/about")
PLACES = 8


HTML = b"<!doctype html><title>Whoa there, pardner!</title>"

MOODS = {
    "well": Reply(body={"kind": "t5", "data": {"display_name": "lua", "name": "t5_2"}}),
    "500": Reply(500, HTML),
    "503": Reply(503, HTML),
    "html": Reply(200, HTML),
    "blocked": Reply(403, HTML),
    "missing": Reply(404, {"message": "Not Found", "error": 404}),
    "429": Reply(429, {"message": "Too Many Requests", "error": 429}, {"retry-after": "120"}),
}


class Upstream(ScriptedReddit):
    """Answers in its mood; `hang` means not at all, `gathering` when eight requests are here.

    Attributes:
        mood: one of MOODS, hang or gathering.
        once: moods of the next requests, before `mood`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mood = "well"
        self.once: list[str] = []
        self.answer = self._answer
        self._gathered = threading.Barrier(PLACES)

    def _answer(self, _request: Request) -> Reply:
        mood = self.once.pop(0) if self.once else self.mood
        if mood == "hang":
            self.closing.wait()
        if mood == "gathering":
            self._gathered.wait(timeout=PATIENCE_SECONDS)
        return MOODS.get(mood, MOODS["well"])


class Places:
    """Lets eight requests through at once, as the queue does."""

    def __init__(self, below: Source) -> None:
        self._below = below
        self._places = asyncio.Semaphore(PLACES)

    async def fetch(self, query: Query[Any]) -> Answer[Any]:
        async with self._places:
            return await self._below.fetch(query)


class Server:
    """Calls as the server makes them: each with its deadline."""

    def __init__(self, reddit: Source, breakers: BreakerRegistry, deadline: float) -> None:
        self._reddit = reddit
        self.breaker = breakers.get("reddit")
        self._deadline = deadline

    async def call(self) -> tuple[str, float, dict[str, Any]]:
        """How it ended, the seconds it took, and the facts of its failure."""
        return await asyncio.create_task(self._call())

    async def _call(self) -> tuple[str, float, dict[str, Any]]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        call_context.deadline.set(started + self._deadline)
        try:
            async with asyncio.timeout(self._deadline):
                await self._reddit.fetch(QUERY)
        except Failure as failure:
            return failure.type, loop.time() - started, failure.data
        except TimeoutError:
            return DeadlineExceeded.type, loop.time() - started, {}
        return "answered", loop.time() - started, {}

    async def calls(self, number: int) -> list[tuple[str, float, dict[str, Any]]]:
        return await asyncio.gather(*(self.call() for _ in range(number)))


@asynccontextmanager
async def serving(
    upstream: Upstream, *, patience: float = 10.0, deadline: float = 25.0, **rules: Any
) -> AsyncIterator[Server]:
    application = RedditApplication("id", "secret", "test:chaos:1 (by /u/test)", upstream.url, upstream.url, patience)
    praw = PrawTransport(application)
    async with fake_store() as store:
        breakers = BreakerRegistry(store, BreakerRules(**rules))
        guarded = Guarded(praw, breakers.get("reddit"))
        retry = Retry(Places(guarded), RetryRules(), lambda: guarded.is_open)
        yield Server(retry, breakers, deadline)
        await breakers.aclose()
    await praw.aclose()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    found = Upstream()
    with found.running():
        yield found


async def served_again(server: Server, *, longest_wait: float) -> None:
    """Call ten times a second until an answer comes; nobody is told to wait longer than that."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (end := await server.call())[0] != "answered":
            assert end[2].get("retry_after_seconds", 0) <= longest_wait
            await asyncio.sleep(0.1)


async def test_sixty_calls_meet_a_reddit_that_is_down_for_less_than_ten_seconds(upstream: Upstream) -> None:
    upstream.mood = "503"
    loop = asyncio.get_running_loop()
    async with serving(upstream) as server:
        began = loop.time()
        ends = await server.calls(60)
        assert {end for end, _, _ in ends} <= {"upstream_error", "unavailable"}
        while loop.time() - began < 5:
            ends = await server.calls(60)
            assert {(end, facts["reason"]) for end, _, facts in ends} == {("unavailable", "breaker_open")}
            await asyncio.sleep(0.5)
        assert len(upstream.requests) <= PLACES
        upstream.mood = "well"
        await served_again(server, longest_wait=10)
        for _ in range(3):
            assert (await server.call())[0] == "answered"
        assert server.breaker.state == "closed"


async def test_a_long_outage_is_over_within_the_longest_wait(upstream: Upstream) -> None:
    """A twentieth of the real times: waits of 0.5 s up to 3 s."""
    upstream.mood = "503"
    loop = asyncio.get_running_loop()
    async with serving(upstream, wait=0.5, longest_wait=3.0) as server:
        began = loop.time()
        while loop.time() - began < 6:
            await server.calls(20)
            await asyncio.sleep(0.05)
        waits = 3 + (loop.time() - began) / 3
        assert len(upstream.requests) <= PLACES + 3 * waits, "eight, and three probes after 0.5, 1, 2 and every 3 s"
        upstream.mood = "well"
        await served_again(server, longest_wait=3)


@pytest.mark.parametrize(
    ("mood", "requests", "type_", "facts"),
    [
        ("500", 3, "upstream_error", {"status_code": 500, "upstream_service": "reddit"}),
        ("503", 3, "upstream_error", {"status_code": 503, "upstream_service": "reddit"}),
        ("html", 3, "upstream_error", {"status_code": 200, "upstream_service": "reddit"}),
        ("blocked", 3, "upstream_error", {"status_code": 403, "upstream_service": "reddit"}),
        ("missing", 1, "not_found", {"resource": "community r/lua"}),
        ("429", 1, "rate_limited", {"limit_type": "reddit_api", "retry_after_seconds": 120}),
    ],
)
async def test_each_trouble_has_its_error(
    upstream: Upstream, mood: str, requests: int, type_: str, facts: dict[str, Any]
) -> None:
    upstream.mood = mood
    async with serving(upstream) as server:
        with stamina.set_testing(True, attempts=10, cap=True):
            end, _, data = await server.call()
    assert (end, len(upstream.requests)) == (type_, requests)
    assert facts.items() <= data.items()


async def test_a_passing_trouble_is_not_seen(upstream: Upstream) -> None:
    upstream.once = ["503", "html"]
    async with serving(upstream) as server:
        with stamina.set_testing(True, attempts=10, cap=True):
            assert (await server.call())[0] == "answered"
    assert len(upstream.requests) == 3


async def test_a_long_rate_limit_is_answered_at_once(upstream: Upstream) -> None:
    upstream.once = ["429"]
    async with serving(upstream) as server:
        await server.call()
        upstream.once = ["429"]
        ends = await server.calls(20)
        assert server.breaker.state == "closed"
    limited = [facts["retry_after_seconds"] for end, _, facts in ends if end == "rate_limited"]
    assert limited
    assert set(limited) <= set(range(60, 121))


async def test_a_hang_costs_its_own_call_alone(upstream: Upstream) -> None:
    async with serving(upstream, patience=5.0, deadline=60.0) as server:
        await server.calls(PLACES)
        upstream.once = ["hang"]
        hanging = asyncio.create_task(server.call())
        await until(lambda: not upstream.once)
        for _ in range(20):
            assert (await server.call())[0] == "answered"
        assert not hanging.done()
        assert (await hanging)[0] == "answered", "the second attempt after a timeout"


async def test_no_thread_is_stuck_after_its_deadline(upstream: Upstream) -> None:
    async with serving(upstream, patience=2.0, deadline=4.0, failures=1000) as server:
        upstream.mood = "hang"
        ends = await server.calls(PLACES)
        assert {end for end, _, _ in ends} == {"timeout"}
        upstream.mood = "gathering"
        ends = await server.calls(PLACES)
        assert {end for end, _, _ in ends} == {"answered"}, "all eight places serve at once"
