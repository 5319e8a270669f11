"""How a server of the Apify platform ends: whatever ends it, whenever, over a fake of the platform."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
from mcp.client.session import ClientSession
from mcp.client.sse import sse_client
from pydantic import SecretStr

from reddit_mcp.settings import Settings
from reddit_mcp.storage.api_keys.key_store import KeyStore
from reddit_mcp.storage.api_keys.master_secrets import open_secrets
from reddit_mcp.storage.redis.keyspace import LEDGER
from reddit_mcp.storage.redis.open_store import open_store
from tests.support.actor_calls import listens, searched, streams
from tests.support.actor_process import Container, container, serving
from tests.support.fake_platform import FakePlatform
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import answering, free_port, running_server, servers, until
from tests.support.scripted_reddit import Reply, Request, ScriptedReddit

KEY = "0" * 64
PATIENT = {"REDDIT_QPM": "6000", "APIFY_MAX_RUNS": "1", "REDDIT_TIMEOUT": "600"}


UNHURRIED = {
    "reddit_mcp.cli.actor_run.DRAIN_SECONDS": 60,
    "reddit_mcp.actor.charge_collector.LAST_SECONDS": 60.0,
    "reddit_mcp.actor.watchdog.END_SECONDS": 180.0,
}
"""A platform that gives the end more time, for a machine that other work keeps busy."""


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


STARTS: dict[str, Callable[[FakePlatform, Container, Path], bool]] = {
    "imports": lambda _platform, run, _folder: _imports(run.process.pid),
    "asks the platform": lambda platform, _run, _folder: bool(platform.requests),
    "opens its store": lambda _platform, _run, folder: bool(servers(folder)),
}


@pytest.mark.parametrize("moment", STARTS)
async def test_a_server_that_is_ended_while_it_starts_ends_well(
    platform: FakePlatform, tmp_path: Path, moment: str
) -> None:
    if moment == "asks the platform":
        platform.fail("/actor-runs", times=100, hang=True)
    with container(platform, tmp_path) as run:
        await until(lambda: STARTS[moment](platform, run, tmp_path))
        run.process.send_signal(signal.SIGTERM)
        code, _, err = await asyncio.to_thread(run.ended)
    assert (code, err) == (0, "")
    await until(lambda: not servers(tmp_path))


def _imports(pid: int) -> bool:
    """proc(5): whether the SDK's HTTP client, one of the slow imports, is loaded."""
    return "/impit/" in Path(f"/proc/{pid}/maps").read_text()


Ending = Callable[[FakePlatform, Container], None]

ENDINGS: dict[str, Ending] = {
    "aborting": lambda platform, _run: platform.emit("aborting"),
    "migrating": lambda platform, _run: platform.emit("migrating", {"timeRemainingSecs": 60}),
    "SIGTERM": lambda _platform, run: run.process.send_signal(signal.SIGTERM),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
async def test_twenty_calls_in_flight_are_answered_and_paid_before_the_end(
    platform: FakePlatform, reddit: ScriptedReddit, tmp_path: Path, ending: Ending
) -> None:
    """Of two callers, for one has sixteen places; the platform takes half of the charges only when they come again."""
    ended = threading.Event()
    reddit.answer = lambda request: listing(request) if ended.wait(PATIENCE_SECONDS) else Reply(status=500)
    async with a_redis(tmp_path) as shared:
        key = await a_key(shared)
        patient = {**credentials(reddit), **PATIENT, **as_environment(shared), "BREAKER_RATE": "1"}
        with serving(platform, tmp_path, patches=UNHURRIED, **patient, BREAKER_FAILURES="100") as run:
            platform.fail("/charge", times=50, status=500)
            calls = [asyncio.create_task(searched(run.url, str(n), key if n % 2 else None)) for n in range(20)]
            await until(lambda: begun(run.url, None) == begun(run.url, key) == 10)
            await asyncio.to_thread(ending, platform, run)
            await until(lambda: not listens(run.url))
            run.process.send_signal(signal.SIGTERM)  # what is being ended is not ended sooner
            ended.set()
            outcomes = await asyncio.gather(*calls)
            run.process.send_signal(signal.SIGTERM)
            code, *_ = await asyncio.to_thread(run.ended)
        assert await unsettled(shared, platform) == {}
    assert (code, outcomes) == (0, ["answered"] * 20)
    assert platform.charged == {"tool-call": 20}
    assert len({charge.key for charge in platform.charges}) == 20


@contextlib.asynccontextmanager
async def a_redis(folder: Path) -> AsyncIterator[Settings]:
    """One of our own, as settings name it."""
    port = str(free_port())
    async with running_server(folder, "--port", port, "--bind", "127.0.0.1"):
        url = f"redis://127.0.0.1:{port}"
        await answering(url)
        yield Settings(_env_file=None, redis_url=SecretStr(url), mcp_master_key=SecretStr(KEY))


def as_environment(settings: Settings) -> dict[str, str]:
    assert settings.redis.url is not None
    return {"REDIS_URL": settings.redis.url.get_secret_value(), "MCP_MASTER_KEY": KEY}


async def a_key(settings: Settings) -> str:
    async with open_store(settings) as store:
        return (await KeyStore(store, open_secrets(settings)).create("ada", "test", "pro")).key


async def unsettled(settings: Settings, platform: FakePlatform) -> dict[bytes, bytes]:
    """What the run's ledger holds."""
    async with open_store(settings) as store, store.visit() as redis:
        return cast("dict[bytes, bytes]", await redis.hgetall(LEDGER.key(store.prefix, platform.run_id)))


def begun(url: str, key: str | None) -> int:
    """How many searches of a caller have begun."""
    days = httpx.get(url + "/usage", headers={"x-api-key": key} if key else {}).json()["days"]
    return int(days[0]["calls"].get("search_reddit", 0)) if days else 0


async def test_the_end_comes_in_time_and_in_words_while_nothing_answers(
    platform: FakePlatform, reddit: ScriptedReddit, tmp_path: Path
) -> None:
    reddit.answer = lambda request: listing(request) if reddit.closing.wait() else Reply(status=500)
    port = str(free_port())
    url = f"redis://127.0.0.1:{port}"
    settings = {
        **credentials(reddit),
        **PATIENT,
        "CALL_TIMEOUT": "600",
        "REDIS_URL": url,
        "REDIS_TIMEOUT": "0.25",
        "MCP_MASTER_KEY": KEY,
    }
    patches = {"reddit_mcp.cli.actor_run.DRAIN_SECONDS": 2}
    async with running_server(tmp_path, "--port", port, "--bind", "127.0.0.1") as redis:
        await answering(url)
        with serving(platform, tmp_path, patches=patches, **settings) as run:
            call = asyncio.create_task(searched(run.url, "lua"))
            await until(lambda: reddit.busy == 1)
            redis.send_signal(signal.SIGSTOP)
            platform.fail("/", hang=True, times=1000)
            run.process.send_signal(signal.SIGTERM)
            assert await call == "draining"
            code, *_ = await asyncio.to_thread(run.ended)
    assert code == 0
    assert platform.charged == {}


async def test_open_streams_end_after_the_answers_they_carry(
    platform: FakePlatform, reddit: ScriptedReddit, tmp_path: Path
) -> None:
    ended = threading.Event()
    reddit.answer = lambda request: listing(request) if ended.wait(PATIENCE_SECONDS) else Reply(status=500)
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
            platform.emit("aborting")
            await until(lambda: not listens(run.url))
            ended.set()
            assert not (await call).is_error
            await asyncio.wait_for(asyncio.gather(*open_streams), PATIENCE_SECONDS)
        assert (await asyncio.to_thread(run.ended))[0] == 0
