"""A server of the Apify platform, from its start to its end, over a fake of the platform."""

import asyncio
import contextlib
import json
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from mcp import Client
from mcp.client.session import ClientSession
from mcp.client.sse import sse_client

from tests.actor_run import PROBE, Container, container, serving
from tests.fake_platform import FakePlatform
from tests.running import environment
from tests.scripted_reddit import Reply, Request, ScriptedReddit
from tests.storage_fixtures import answering, free_port, running_server, until

KEY = "0" * 64
PATIENT = {"REDDIT_QPM": "6000", "APIFY_MAX_RUNS": "1", "REDDIT_TIMEOUT": "60"}

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
LISTEN = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {"notifications": {}, "_meta": META}}


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    fake = FakePlatform()
    with fake.running():
        yield fake


@pytest.fixture
def reddit() -> Iterator[ScriptedReddit]:
    scripted = ScriptedReddit()
    with scripted.running():
        yield scripted


def credentials(reddit: ScriptedReddit) -> dict[str, str]:
    return {
        "REDDIT_CLIENT_ID": "id",
        "REDDIT_CLIENT_SECRET": "secret",
        "REDDIT_OAUTH_URL": reddit.url,
        "REDDIT_URL": reddit.url,
    }


def listing(_request: Request) -> Reply:
    return Reply(body={"kind": "Listing", "data": {"children": [], "after": None}})


def test_the_readiness_probe_is_answered_fast_without_redis_and_under_any_name(
    platform: FakePlatform, tmp_path: Path
) -> None:
    away = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}", "MCP_MASTER_KEY": KEY}
    with serving(platform, tmp_path, **away) as run, httpx.Client(base_url=run.url) as http:
        taken = []
        for _ in range(40):
            started = time.perf_counter()
            answer = http.get("/", headers={**PROBE, "host": "some-container.example"})
            taken.append(time.perf_counter() - started)
            assert (answer.status_code, answer.text) == (200, "ready")
        assert http.get("/", headers={"host": "some-container.example"}).status_code == 421
        assert "/mcp" in http.get("/").text
    assert statistics.median(taken) < 0.01


def test_the_run_s_account_calls_and_the_operator_s_pages_want_a_key(platform: FakePlatform, tmp_path: Path) -> None:
    with serving(platform, tmp_path) as run, httpx.Client(base_url=run.url) as http:
        token = {"authorization": "Bearer apify_api_0123456789"}
        assert (http.get("/usage", headers=token).json()["user"], http.get("/usage").json()["tier"]) == (
            "apify:user-1",
            "pro",
        )
        assert http.get("/breakers", headers=token).status_code == 403
        assert http.get("/usage", headers={"x-api-key": "rmcp_nobody"}).status_code == 401
        run.process.send_signal(signal.SIGTERM)
        code, out, err = run.ended()
    assert code == 0
    assert "apify_api_0123456789" not in out + err


async def test_keyword_watches_need_a_store_that_outlives_the_run(platform: FakePlatform, tmp_path: Path) -> None:
    with serving(platform, tmp_path) as run:
        async with Client(run.url + "/mcp") as client:
            answer = await client.call_tool("watch_keywords", {"action": "create", "keywords": ["lua"]})
    error = (answer.structured_content or {})["error"]
    assert (error["type"], error["data"]["reason"]) == ("unavailable", "no_durable_store")
    assert "REDIS_URL" in error["message"]


async def test_nothing_is_kept_for_one_of_many_accounts(tmp_path: Path) -> None:
    platform = FakePlatform(prices=None, tenancy="multi")
    away = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}", "MCP_MASTER_KEY": KEY, "APIFY_TENANCY": "multi"}
    with platform.running(), serving(platform, tmp_path, **away) as run:
        async with Client(run.url + "/mcp") as client:
            answer = await client.call_tool("watch_keywords", {"action": "create", "keywords": ["lua"]})
    assert (answer.structured_content or {})["error"]["type"] == "forbidden"


def test_keys_need_a_store_that_outlives_the_run_and_doctor_says_so(platform: FakePlatform, tmp_path: Path) -> None:
    def ran(*words: str) -> tuple[int, str]:
        ended = subprocess.run(
            [sys.executable, "-m", "reddit_mcp", *words],
            env=environment(tmp_path, **platform.environment()),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return ended.returncode, ended.stdout + ended.stderr

    code, said = ran("keys", "list")
    assert (code, "REDIS_URL" in said) == (1, True)
    code, said = ran("doctor")
    assert code == 0
    assert "warn  redis: on Apify without REDIS_URL" in said
    assert "10 of 100 Reddit requests a minute" in said


Ending = Callable[[FakePlatform, Container], None]

ENDINGS: dict[str, Ending] = {
    "aborting": lambda platform, _run: platform.emit("aborting"),
    "migrating": lambda platform, _run: platform.emit("migrating", {"timeRemainingSecs": 60}),
    "SIGTERM": lambda _platform, run: run.process.send_signal(signal.SIGTERM),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
async def test_what_is_in_flight_is_answered_before_the_end(
    platform: FakePlatform, reddit: ScriptedReddit, tmp_path: Path, ending: Ending
) -> None:
    ended = threading.Event()
    reddit.answer = lambda request: listing(request) if ended.wait(20) else Reply(status=500)
    with serving(platform, tmp_path, **credentials(reddit), **PATIENT) as run:
        calls = [asyncio.create_task(searched(run.url, str(number))) for number in range(20)]
        # sixteen at once is what one account has
        await until(lambda: sum(call.done() for call in calls) == 4)
        started = time.monotonic()
        await asyncio.to_thread(ending, platform, run)
        await until(lambda: not _listens(run.url))
        ended.set()
        outcomes = await asyncio.gather(*calls)
        code, *_ = await asyncio.to_thread(run.ended, 25)
    assert code == 0
    assert time.monotonic() - started < 25
    assert sorted(outcomes) == ["answered"] * 16 + ["overloaded"] * 4


async def test_the_end_comes_in_time_and_in_words_while_nothing_answers(
    platform: FakePlatform, reddit: ScriptedReddit, tmp_path: Path
) -> None:
    reddit.answer = lambda request: listing(request) if reddit.closing.wait(60) else Reply(status=500)
    port = str(free_port())
    url = f"redis://127.0.0.1:{port}"
    settings = {**credentials(reddit), **PATIENT, "CALL_TIMEOUT": "60", "REDIS_URL": url, "MCP_MASTER_KEY": KEY}
    patches = {"reddit_mcp.commands.actor.DRAIN_SECONDS": 3}
    async with running_server(tmp_path, "--port", port, "--bind", "127.0.0.1") as redis:
        await answering(url)
        with serving(platform, tmp_path, patches=patches, **settings) as run:
            call = asyncio.create_task(searched(run.url, "lua"))
            await until(lambda: reddit.busy == 1)
            started = time.monotonic()
            redis.send_signal(signal.SIGSTOP)
            platform.fail("/", hang=True, times=1000)
            run.process.send_signal(signal.SIGTERM)
            assert await call == "draining"
            code, *_ = await asyncio.to_thread(run.ended, 25)
    assert code == 0
    assert time.monotonic() - started < 15


async def searched(url: str, query: str) -> str:
    """A search in one request; why it was refused, or `answered`."""
    params = {"name": "search_reddit", "arguments": {"query": query}, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(url + "/mcp", json=body, headers=_headers(body) | {"mcp-name": "search_reddit"})
    error = answer.json()["result"]["structuredContent"].get("error")
    return str(error["data"]["reason"]) if error else "answered"


def _listens(url: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((urlsplit(url).hostname, urlsplit(url).port or 0)):
        return True
    return False


def _headers(body: Any) -> dict[str, str]:
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    return headers | ({"mcp-protocol-version": "2026-07-28", "mcp-method": body["method"]} if body else {})


def test_new_calls_find_no_listener_while_it_drains(platform: FakePlatform, tmp_path: Path) -> None:
    with serving(platform, tmp_path) as run:
        platform.emit("aborting")
        assert run.ended()[0] == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(run.url)
    assert platform.status_messages[-1] == "Stopped."


@pytest.mark.parametrize("fault", ["refused", "silent", "no events", "failing"])
def test_a_platform_that_cannot_be_reached_ends_the_start_soon_and_in_one_line(
    platform: FakePlatform, tmp_path: Path, fault: str
) -> None:
    settings = {
        "refused": {"APIFY_API_BASE_URL": f"http://127.0.0.1:{free_port()}"},
        "no events": {"ACTOR_EVENTS_WEBSOCKET_URL": f"ws://127.0.0.1:{free_port()}/events"},
    }.get(fault, {})
    if fault in ("silent", "failing"):
        platform.fail("/actor-runs", times=100, **({"hang": True} if fault == "silent" else {"status": 500}))
    started = time.monotonic()
    patches = {} if fault == "silent" else {"reddit_mcp.actor.lifecycle.BEGIN_SECONDS": 3}
    with container(platform, tmp_path, patches=patches, **settings) as run:
        code, _, err = run.ended(20)
    assert code == 1
    assert time.monotonic() - started < 18
    assert err.count("\n") == 1
    assert err.startswith("reddit-mcp: The Apify platform")


WATCHFUL = {"reddit_mcp.actor.watchdog.EVERY_SECONDS": 0.2, "reddit_mcp.actor.watchdog.PATIENCE_SECONDS": 0.5}


@pytest.mark.parametrize("fault", [signal.SIGUSR1, signal.SIGUSR2], ids=["lost listener", "stalled loop"])
def test_a_server_that_no_longer_serves_ends_itself_and_says_so(
    platform: FakePlatform, tmp_path: Path, fault: signal.Signals
) -> None:
    with serving(platform, tmp_path, patches=WATCHFUL) as run:
        run.process.send_signal(fault)
        code, out, _ = run.ended(20)
    assert code == 1
    assert "server_does_not_answer" in out


@contextlib.asynccontextmanager
async def streams(url: str) -> AsyncIterator[list[asyncio.Task[None]]]:
    """An SSE session of the older kind, and a listening client of the newer; each task ends with its stream."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        tasks = [
            asyncio.create_task(_drained(http, *request))
            for request in (("GET", "/sse", None), ("POST", "/mcp", LISTEN))
        ]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()


async def _drained(http: httpx.AsyncClient, method: str, path: str, body: Any) -> None:
    content = json.dumps(body) if body else None
    async with http.stream(method, path, content=content, headers=_headers(body)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for _ in answer.aiter_raw():
            pass  # a stream that ends out of order raises


async def test_streams_without_a_call_do_not_keep_the_run_alive(platform: FakePlatform, tmp_path: Path) -> None:
    with serving(platform, tmp_path, patches={"reddit_mcp.app.IDLE_SECONDS": 2.0}) as run:
        async with streams(run.url) as open_streams:
            async with Client(run.url + "/mcp") as client:
                for _ in range(6):
                    await client.call_tool("get_subreddit_info", {"subreddit": "python"})
                    await asyncio.sleep(0.5)
                assert not any(task.done() for task in open_streams)
            await asyncio.wait_for(asyncio.gather(*open_streams), 10)


async def test_open_streams_end_after_the_answers_they_carry(
    platform: FakePlatform, reddit: ScriptedReddit, tmp_path: Path
) -> None:
    ended = threading.Event()
    reddit.answer = lambda request: listing(request) if ended.wait(20) else Reply(status=500)
    with serving(platform, tmp_path, **credentials(reddit), **PATIENT) as run:
        async with (
            streams(run.url) as open_streams,
            sse_client(run.url + "/sse") as (read, write),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            await session.list_tools()  # whose schemas the client checks answers against
            call = asyncio.create_task(session.call_tool("search_reddit", {"query": "lua"}))
            await until(lambda: reddit.busy == 1)
            started = time.monotonic()
            platform.emit("aborting")
            await until(lambda: not _listens(run.url))
            ended.set()
            assert not (await call).is_error
            await asyncio.wait_for(asyncio.gather(*open_streams), 10)
        assert (await asyncio.to_thread(run.ended))[0] == 0
    assert time.monotonic() - started < 12
