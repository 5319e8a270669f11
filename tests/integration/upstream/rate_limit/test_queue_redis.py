"""The queue over a real Redis that dies and comes back, and what callers read of their queued requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from reddit_mcp.errors import RateLimited, Unavailable
from reddit_mcp.http.routes import queue_status_routes
from reddit_mcp.storage.limits.queue_tickets import Notice, QueueTickets
from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.upstream.rate_limit.reported_limit import ReportedLimit
from reddit_mcp.upstream.rate_limit.request_queue import RequestQueue
from reddit_mcp.upstream.rate_limit.shared_budget import Grant, SharedBudget
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport, RedditApplication
from tests.support.reddit_shapes import t5
from tests.support.redis_store import PREFIX, answering, free_port, matching, redis_at, running_server, until
from tests.support.request_budget import (
    Flown,
    Gate,
    Upstream,
    becomes,
    census,
    query,
    queue_over,
    redis_server,
    store_at,
    window,
    within,
)
from tests.support.scripted_reddit import Reply, ScriptedReddit


def quick_store(url: str) -> Store:
    return Store(connect(url, timeout=0.25), prefix=PREFIX, timeout=0.25, cluster_url=url)


async def refused_for(queue: RequestQueue) -> int:
    with pytest.raises(RateLimited) as caught:
        await queue.fetch(query())
    return int(caught.value.data["retry_after_seconds"])


@pytest.fixture
async def port() -> int:
    return free_port()


async def test_redis_dies_and_comes_back_empty_and_no_token_is_granted_twice(tmp_path: Path, port: int) -> None:
    url, options = f"redis://127.0.0.1:{port}", ("--port", str(port), "--bind", "127.0.0.1")
    upstream, limit = Upstream(), 20
    async with AsyncExitStack() as stack:
        async with running_server(tmp_path, *options):
            await answering(url)
            one, two = [
                await stack.enter_async_context(
                    queue_over(upstream, await stack.enter_async_context(quick_store(url)), name, limit=limit)
                )
                for name in ("one", "two")
            ]
            for queue in (one, two):
                for _ in range(4):
                    await queue.fetch(query())
            await one.fetch(query())  # so that it has seen both
        for queue, left in ((one, 5), (two, 6)):
            for _ in range(left):
                await queue.fetch(query())  # its share, less what Redis gave it
            within(5)
            assert 55 < await refused_for(queue) <= 61
        assert len(upstream.times) == limit
        async with running_server(tmp_path, *options):
            await answering(url)
            assert one._tokens.apart
            assert two._tokens.apart
            await until(lambda: not (one._tokens.apart or two._tokens.apart))
            within(5)
            for queue in (one, two):
                assert 40 < await refused_for(queue) <= 61
            async with redis_at(url) as redis:
                assert await redis.zcard((await matching(redis, "*budget-window*"))[0]) == limit
    assert len(upstream.times) == limit


async def test_while_redis_is_away_nobody_fails_and_those_who_wait_are_told(port: int) -> None:
    async with quick_store(f"redis://127.0.0.1:{port}") as store, queue_over(Upstream(), store, limit=8) as queue:
        assert (await asyncio.gather(*(queue.fetch(query(i)) for i in range(2))))[0].calls == 1
        within(5)
        refused = await Flown(queue, query()).outcome()
        assert isinstance(refused, RateLimited)
        assert refused.data["status"] == "queued"
        async with client(QueueTickets(store)) as http:
            answer = await http.get(refused.data["status_url"])
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_what_happens_while_redis_is_away_is_kept_for_it(port: int) -> None:
    async with quick_store(f"redis://127.0.0.1:{port}") as store:
        tokens = SharedBudget(window(store, limit=8), ReportedLimit())  # a quarter of it is its share

        async def take() -> str | None:
            verdict, member, _ = await tokens.take(census(1))
            return None if verdict.granted is None else member

        first, second = await take(), await take()
        assert first
        assert second
        assert await take() is None
        await tokens.give_back(first)
        third = await take()
        assert third
        never_left = Unavailable("Open.", service="reddit", reason="breaker_open")
        await tokens.settle(Grant(third, 0.0, tokens_never), never_left, 0.0)
        assert await take()
        refusal = RateLimited("No.", limit_type="reddit_api", retry_after_seconds=300)
        await tokens.settle(Grant(second, 0.0, tokens_never), refusal, 0.0)
        verdict, _, _ = await tokens.take(census(1))
        assert 299 < verdict.wait <= 300
        assert (tokens.apart, tokens.remaining) == (True, 0)


async def tokens_never(_grant: Grant) -> None:
    raise AssertionError


def client(tickets: QueueTickets | None) -> httpx.AsyncClient:
    def owner(request: Request) -> str:
        return request.headers.get("x-who", "local")

    app = Starlette(routes=queue_status_routes.routes(lambda: tickets, owner))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with redis_server(tmp_path) as url, store_at(url) as store:
        yield store


async def test_the_way_of_a_queued_request(store: Store) -> None:
    upstream = Gate()
    async with queue_over(upstream, store, limit=1) as queue, client(QueueTickets(store)) as http:
        upstream.open.set()
        await queue.fetch(query())
        upstream.open.clear()
        within(5)
        flown = Flown(queue, query("kettles"))
        refused = await flown.outcome()
        assert isinstance(refused, RateLimited)
        path = refused.data["status_url"]

        async def has(status: str) -> bool:
            return bool((await http.get(path)).json()["status"] == status)

        await becomes(lambda: has("queued"))
        answer = await http.get(f"/api{path}")
        queued = answer.json()
        assert queued["request_id"] == refused.data["request_id"]
        assert queued["position"] == 1
        assert 30 < queued["estimated_wait_seconds"] <= 61
        assert "position 1" in queued["message"]
        assert answer.headers["retry-after"] == str(queued["estimated_wait_seconds"])
        async with store.visit() as redis:  # as if the minute were over
            await redis.delete(*await matching(redis, "*budget-window*"))
        await becomes(lambda: has("processing"))
        upstream.open.set()
        await flown.task
        await becomes(lambda: has("completed"))
        assert "repeat the call" in (await http.get(path)).json()["message"]
    async with store.visit() as redis:
        key = (await matching(redis, "*ticket*"))[0]
        assert 295 < await redis.ttl(key) <= 300


async def test_somebody_elses_an_unknown_and_a_broken_one_look_alike(store: Store) -> None:
    tickets = QueueTickets(store)
    await tickets.write([Notice("mine", "queued", ("local",), 1, 5.0, "Soon.")])
    async with store.visit() as redis:
        for name, value in (("broken", "{"), ("odd", "[1]"), ("short", '{"estimated_wait": 1}')):
            await redis.set(tickets._key(name), value, ex=60)
    async with client(tickets) as http:
        answers = [await http.get("/queue/status/mine", headers={"x-who": "key-2"})]
        answers += [await http.get(f"/queue/status/{name}") for name in ("unknown", "broken", "odd", "short", "a%20b")]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["status"] for answer in answers} == {"not_found"}
    assert len({answer.json()["message"] for answer in answers}) == 1


async def test_before_the_store_is_open_the_status_is_unavailable() -> None:
    async with client(None) as http:
        assert (await http.get("/queue/status/any")).status_code == 503


async def test_the_estimate_comes_true(store: Store) -> None:
    async with queue_over(Upstream(), store, limit=10, span=6.0) as queue:
        loop, flown = asyncio.get_running_loop(), list[Flown]()
        await asyncio.gather(*(queue.fetch(query(i)) for i in range(10)))
        within(0.5)
        flown = [Flown(queue, query(i)) for i in range(14)]
        told = [await each.outcome() for each in flown]
        asked = loop.time()
        waits = [each.flight.ticket.estimated_wait for each in flown if each.flight.ticket]
        assert all(isinstance(outcome, RateLimited) for outcome in told)
        real = []
        for each in flown:
            await each.task
            real.append(loop.time() - asked)
    late = [took - wait for wait, took in zip(waits, real, strict=True)]
    assert all(-0.5 < each < 4.5 for each in late), late  # a busy machine is late, and less than one span


async def test_a_401_takes_a_second_token_before_the_request_is_repeated(store: Store) -> None:
    reddit = ScriptedReddit()
    replies = iter([Reply(401)])
    reddit.answer = lambda _request: next(replies, Reply(body=t5()))
    with reddit.running():
        praw = PrawTransport(
            RedditApplication("id", "secret", "test:kettles:1 (by /u/nobody)", reddit.url, reddit.url, 20.0)
        )
        async with RequestQueue(praw, SharedBudget(window(store, limit=3), praw.budget), QueueTickets(store)) as queue:
            assert (await queue.fetch(query())).calls == 2
            assert (await queue.fetch(query())).calls == 1
            within(5)
            assert await refused_for(queue) > 50
        await praw.aclose()
    assert len(reddit.requests) == 3
