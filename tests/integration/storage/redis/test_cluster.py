"""The product as a whole on a Redis Cluster of three masters: two replicas, each told of another node; the commands."""

import asyncio
import json
import re
import secrets
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from tests.support.asgi_requests import JSON, call
from tests.support.keyed_servers import House
from tests.support.redis_cluster import nodes as nodes  # noqa: PLC0414 - fixtures
from tests.support.redis_store import assert_no_leaks, until
from tests.support.request_budget import becomes
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit
from tests.support.server_process import environment, server

Pair = tuple[str, str]
MONTH = 60
TIERS = json.dumps({"free": {"minute": 1_000, "hour": 1_000, "day": 1_000, "month": MONTH}})
WELL = Reply(body={"kind": "t5", "data": {"display_name": "lua", "name": "t5_2", "id": "2"}})
ILL = Reply(503, b"<!doctype html>")


@pytest.fixture(scope="module")
def house(nodes: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> House:
    master = secrets.token_urlsafe(32)
    settings = {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": master, "REDIS_URL": nodes[2], "TIERS": TIERS}
    settings["REDIS_TIMEOUT"] = "5"  # on a busy machine an answer may take longer than the usual limit
    return House(tmp_path_factory.mktemp("house"), settings)


@contextmanager
def replicas(house: House, nodes: tuple[str, ...], **settings: str) -> Iterator[Pair]:
    with ExitStack() as stack:
        one, two = (
            stack.enter_context(server(house.data_dir, **{**house.settings, "REDIS_URL": node, **settings}))
            for node in nodes[:2]
        )
        yield one, two


@pytest.fixture(scope="module")
def pair(house: House, nodes: tuple[str, ...]) -> Iterator[Pair]:
    """Two replicas over the sample archive."""
    with replicas(house, nodes) as urls:
        yield urls


@pytest.fixture(scope="module")
def reddit() -> Iterator[ScriptedReddit]:
    found = ScriptedReddit()
    with found.running():
        yield found


@pytest.fixture(scope="module")
def asking(house: House, nodes: tuple[str, ...], reddit: ScriptedReddit) -> Iterator[Pair]:
    """Two replicas that ask Reddit."""
    with replicas(house, nodes, **application(reddit, RETRY_BASE="0")) as urls:
        yield urls


def application(reddit: ScriptedReddit, **settings: str) -> dict[str, str]:
    """The settings of an application of its own at this Reddit."""
    own = {"REDDIT_CLIENT_ID": secrets.token_hex(4), "REDDIT_CLIENT_SECRET": "secret"}
    return {**own, "REDDIT_OAUTH_URL": reddit.url, "REDDIT_URL": reddit.url, **settings}


def run(house: House, *words: str) -> str:
    """The output of a command that succeeds."""
    line, everything = [sys.executable, "-m", "reddit_mcp", *words], environment(house.data_dir, **house.settings)
    ended = subprocess.run(line, env=everything, cwd=house.data_dir, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    return ended.stdout


async def ask(url: str, key: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured content of a call."""
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(f"{url}/mcp", headers={**JSON, "X-API-Key": key}, json=call(tool, **arguments))
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()["result"]["structuredContent"]
    return content


async def get(url: str, key: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.get(url + path, headers={"X-API-Key": key})


async def test_all_eight_tools(house: House, pair: Pair, nodes: tuple[str, ...]) -> None:
    key = house.create("tools")["key"]
    posts = (await ask(pair[0], key, "get_subreddit_posts", subreddit="all", limit=25))["posts"]
    post = max(posts, key=lambda each: each["num_comments"])
    name = post["subreddit"]
    made = (await ask(pair[0], key, "watch_keywords", action="create", keywords=["lua"], check_interval=60))["watch"]
    asked = {
        "search_reddit": ({"query": post["title"].split()[0], "time_filter": "all"}, "results"),
        "get_subreddit_posts": ({"subreddit": name}, "posts"),
        "get_post_comments": ({"post_id": post["id"]}, "comments"),
        "get_trending_topics": ({}, "trending_topics"),
        "analyze_sentiment": ({"content_type": "subreddit", "content_id": name}, "overall_sentiment"),
        "get_user_info": ({"username": post["author"]}, "user"),
        "get_subreddit_info": ({"subreddit": name}, "subreddit"),
        "watch_keywords": ({"action": "list"}, "watches"),
    }
    for tool, (arguments, part) in asked.items():
        answers = [await ask(url, key, tool, **arguments) for url in pair]
        assert all(part in answer for answer in answers), answers
        assert answers[0][part] == answers[1][part]
        assert "degraded" not in answers[0]["metadata"]
    assert [each["watch_id"] for each in answers[0]["watches"]] == [made["watch_id"]]
    sizes = []
    for node in nodes:
        async with Redis.from_url(node) as redis:
            await assert_no_leaks(redis, "reddit_mcp:")
            sizes.append(await redis.dbsize())
    assert all(sizes), "each node holds some of the keys"


async def test_keys_come_and_go_on_every_replica(house: House, pair: Pair) -> None:
    made = house.create("ada")
    assert [(await get(url, made["key"], "/usage")).status_code for url in pair] == [200, 200]
    rotated = json.loads(run(house, "keys", "rotate", made["id"]))["keys"][0]
    assert [(await get(url, rotated["key"], "/usage")).status_code for url in pair] == [200, 200]
    run(house, "keys", "revoke", rotated["id"])
    for url in pair:

        async def is_refused(url: str = url) -> bool:
            return (await get(url, rotated["key"], "/usage")).status_code == 401

        await becomes(is_refused)
    assert rotated["id"] in run(house, "keys", "list")


async def test_a_quota_is_exact_over_the_replicas(house: House, pair: Pair) -> None:
    key = house.create("bea", "--tier", "free")["key"]
    at_once = asyncio.Semaphore(10)

    async def outcome(url: str) -> str:
        async with at_once:
            answer = await ask(url, key, "get_subreddit_posts", subreddit="all")
        return str(answer["error"]["type"] if "error" in answer else "answered")

    outcomes = await asyncio.gather(*(outcome(url) for url in pair for _ in range(MONTH * 2 // 3)))
    assert Counter(outcomes) == {"answered": MONTH, "rate_limited": MONTH // 3}


async def test_a_purge_reaches_the_memory_of_every_replica(house: House, pair: Pair) -> None:
    key = house.create("cyd")["key"]
    listing = {"subreddit": "all", "sort": "new", "limit": 7}
    name = (await ask(pair[0], key, "get_subreddit_posts", **listing))["posts"][0]["subreddit"]
    about = {"subreddit": name, "limit": 9}
    for url in pair:
        await ask(url, key, "get_subreddit_posts", **about)
        assert (await ask(url, key, "get_subreddit_posts", **about))["metadata"]["cached"]
    for url in pair:
        run(house, "cache", "purge", "--tool", "get_subreddit_posts", "--subreddit", name)

        async def is_asked_again(url: str = url) -> bool:
            metadata = (await ask(url, key, "get_subreddit_posts", **about))["metadata"]
            return bool(metadata["reddit_api_calls"] == 1)

        await becomes(is_asked_again)


async def test_usage_of_both_replicas_is_one_account(house: House, pair: Pair) -> None:
    key = house.create("dan")["key"]
    for url in pair:
        await ask(url, key, "get_subreddit_posts", subreddit="all")

    async def is_counted() -> bool:
        (day,) = (await get(pair[0], key, "/usage")).json()["days"] or [{}]
        return bool(day and day["calls"] == {"get_subreddit_posts": 2})

    await becomes(is_counted)
    assert re.search(r"\d{4}-\d\d-\d\d +2 +0 +0\n", run(house, "keys", "usage", "--user", "dan"))


def test_the_doctor_is_content(house: House) -> None:
    told = run(house, "doctor")
    assert "ok    redis: answers in" in told
    assert "FAIL" not in told


async def test_equal_calls_on_two_replicas_are_one_request(house: House, asking: Pair, reddit: ScriptedReddit) -> None:
    key, gate = house.create("eve")["key"], threading.Event()

    def answer(_request: Request) -> Reply:
        gate.wait()
        return WELL

    reddit.answer = answer
    reddit.requests.clear()
    calls = [
        asyncio.create_task(ask(url, key, "get_subreddit_info", subreddit="lua")) for url in asking for _ in range(15)
    ]
    await until(lambda: bool(reddit.requests))
    await asyncio.wait(calls, timeout=1.0)  # long enough for every caller to have found the flight
    assert not any(call.done() for call in calls)
    gate.set()
    answers = await asyncio.gather(*calls)
    assert len(reddit.requests) == 1
    assert sum(answer["metadata"]["reddit_api_calls"] for answer in answers) == 1


async def test_breakers_are_seen_and_reset_from_anywhere(house: House, asking: Pair, reddit: ScriptedReddit) -> None:
    key = house.create("fay", "--role", "operator")["key"]
    reddit.answer = lambda _request: ILL
    for number in range(2):
        failed = await ask(asking[0], key, "get_subreddit_info", subreddit=f"lua{number}")
        assert failed["error"]["type"] in ("upstream_error", "unavailable")
    await becomes(lambda: is_state(asking[1], key, "open"))
    assert "reddit: open" in run(house, "breakers", "list")
    reddit.answer = lambda _request: WELL
    assert "reddit is closed" in run(house, "breakers", "reset", "reddit")
    for number, url in enumerate(asking):

        async def is_answered(url: str = url, number: int = number) -> bool:
            return "error" not in await ask(url, key, "get_subreddit_info", subreddit=f"well{number}")

        await becomes(is_answered)


async def is_state(url: str, key: str, state: str) -> bool:
    reports = (await get(url, key, "/breakers")).json()["breakers"]
    return any((report["name"], report["state"]) == ("reddit", state) for report in reports)


async def test_a_ticket_is_known_to_every_replica(house: House, nodes: tuple[str, ...], reddit: ScriptedReddit) -> None:
    key, other = house.create("gil")["key"], house.create("hal")["key"]
    reddit.answer = lambda _request: WELL
    reddit.requests.clear()
    with replicas(house, nodes, **application(reddit, REDDIT_QPM="3", CALL_TIMEOUT="3")) as pair:
        calls = [ask(pair[i % 2], key, "get_subreddit_info", subreddit=f"lua{i}") for i in range(8)]
        errors = [answer["error"]["data"] for answer in await asyncio.gather(*calls) if "error" in answer]
        assert len(errors) == 8 - 3 == 8 - len(reddit.requests)
        assert {error["status"] for error in errors} == {"queued"}
        for error in errors:
            path = f"/queue/status/{error['request_id']}"
            assert [(await get(url, key, path)).json()["status"] for url in pair] == ["queued"] * 2
            assert (await get(pair[0], other, path)).status_code == 404
