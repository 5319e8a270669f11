"""A server without credentials over Arctic Shift, as a stranger starts it: the choice, the answers, what they cost."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.arctic_shift import furnish
from tests.support.fake_arctic_shift import NOW, FakeArcticShift
from tests.support.request_budget import redis_server
from tests.support.server_process import address, command, environment, server_beside
from tests.support.tool_calls import asking

PYTHON = {"subreddit": "kettles", "sort": "new"}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("search_reddit", {"query": "kettle", "subreddit": "kettles", "time_filter": "month"}),
    ("get_subreddit_posts", PYTHON),
    ("get_post_comments", {"post_id": "p10"}),
    ("get_trending_topics", {"scope": "subreddit", "subreddit": "kettles"}),
    ("analyze_sentiment", {"content_type": "post", "content_id": "p10"}),
    ("get_user_info", {"username": "anna"}),
    ("get_subreddit_info", {"subreddit": "kettles"}),
    ("watch_keywords", {"action": "list"}),
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeArcticShift]:
    """Things of now, for the server looks at the real clock."""
    found, late = FakeArcticShift(), int(time.time()) - NOW
    furnish(found)
    for thing in (*found.posts, *found.comments):
        thing["created_utc"] += late
    yield found
    found.closing.set()


async def test_all_eight_tools_answer_from_it(fake: FakeArcticShift, tmp_path: Path) -> None:
    async with (
        fake.running() as arctic,
        server_beside(tmp_path, ARCTIC_SHIFT_URL=arctic, REDDIT_USER_AGENT="server:mine:1 (by /u/me)") as url,
        asking(url) as ask,
    ):
        for tool, arguments in CALLS:
            answer = await ask(tool, **arguments)
            assert answer["metadata"]["source"] == "arctic_shift", (tool, answer)
            assert "notice" not in answer["metadata"], tool
        async with httpx.AsyncClient() as http:
            health = (await http.get(f"{url}/health")).json()["components"]["arctic_shift"]
    assert (health["status"], "Arctic Shift" in health["message"]) == ("healthy", True)
    assert all(asked.headers["user-agent"] == "server:mine:1 (by /u/me)" for asked in fake.asked)


async def test_what_it_cannot_give_is_told_and_cached_with_the_answer(fake: FakeArcticShift, tmp_path: Path) -> None:
    async with fake.running() as arctic, server_beside(tmp_path, ARCTIC_SHIFT_URL=arctic) as url, asking(url) as ask:
        fake.asked.clear()
        first = await ask("get_subreddit_posts", subreddit="kettles", sort="hot")
        again = await ask("get_subreddit_posts", subreddit="kettles", sort="hot")
    assert len(fake.asked) == first["metadata"]["reddit_api_calls"] == 1
    assert "no hot order" in first["metadata"]["degraded"]
    assert again["metadata"]["degraded"] == first["metadata"]["degraded"]
    assert (again["metadata"]["cached"], again["metadata"]["source"]) == (True, "arctic_shift")


async def test_a_hundred_equal_calls_over_two_replicas_are_one_request(fake: FakeArcticShift, tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, fake.running() as arctic, contextlib.AsyncExitStack() as stack:
        settings = {"ARCTIC_SHIFT_URL": arctic, "REDIS_URL": redis, "MCP_MASTER_KEY": "00" * 32}
        asks = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            url = await stack.enter_async_context(server_beside(tmp_path / name, **settings))
            asks.append(await stack.enter_async_context(asking(url)))
        fake.asked.clear()
        answers = await asyncio.gather(*(ask("get_subreddit_posts", **PYTHON) for ask in asks for _ in range(50)))
    assert len(fake.asked) == 1
    assert {answer["metadata"]["source"] for answer in answers} == {"arctic_shift"}
    assert sum(answer["metadata"]["reddit_api_calls"] for answer in answers) == 1


async def test_its_budget_and_its_headers_are_kept(fake: FakeArcticShift, tmp_path: Path) -> None:
    async with (
        fake.running() as arctic,
        server_beside(tmp_path, ARCTIC_SHIFT_URL=arctic, ARCTIC_SHIFT_QPM="4", CALL_TIMEOUT="3") as url,
        asking(url) as ask,
    ):
        answers = [await ask("get_subreddit_info", subreddit=f"unknown{number}") for number in range(8)]
    assert len(fake.asked) <= 4  # the look at the start is one of them
    spent = [answer["error"] for answer in answers if answer["error"]["type"] == "rate_limited"]
    assert len(spent) == 5
    assert all(error["data"]["retry_after_seconds"] > 0 for error in spent)


async def test_while_it_is_away_the_sample_answers_and_says_so(fake: FakeArcticShift, tmp_path: Path) -> None:
    patch = "import reddit_mcp.data_source.data_sources as s; s.LOOK_SECONDS = 0.2"
    (tmp_path / "sitecustomize.py").write_text(patch, "utf-8")
    fake.away = True
    async with (
        fake.running() as arctic,
        server_beside(tmp_path, ARCTIC_SHIFT_URL=arctic, PYTHONPATH=str(tmp_path)) as url,
        asking(url) as ask,
    ):
        invented = await ask("search_reddit", query="garden")
        assert invented["metadata"]["source"] == "sample"
        assert "invented sample data" in invented["metadata"]["notice"]
        listing = await ask("get_subreddit_posts", **PYTHON)
        assert listing["error"]["type"] == "not_found"  # the sample has no such community
        fake.away = False
        async with asyncio.timeout(60):
            while "error" in await ask("get_subreddit_posts", **PYTHON):  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.1)
        mixed = await ask("search_reddit", query="garden")
    assert mixed["error"]["data"]["reason"] == "not_offered_by_source"  # and no cached answer of the sample's


async def test_the_start_says_who_answers_and_why(fake: FakeArcticShift, tmp_path: Path) -> None:
    async with fake.running() as arctic:
        with command("serve", "--port", "0", data_dir=tmp_path, ARCTIC_SHIFT_URL=arctic) as process:
            assert process.stdout is not None
            line = await asyncio.to_thread(process.stdout.readline)
            await asyncio.to_thread(address, process) if "at http" not in line else None
    assert (
        "Arctic Shift, a public archive of Reddit (no Reddit credentials are set, and no archive was imported)" in line
    )


async def test_doctor_says_it_too(fake: FakeArcticShift, tmp_path: Path) -> None:
    async with fake.running() as arctic:
        there = await asyncio.to_thread(_doctor, tmp_path, ARCTIC_SHIFT_URL=arctic)
    away = await asyncio.to_thread(_doctor, tmp_path)
    named = await asyncio.to_thread(_doctor, tmp_path, DATA_SOURCE="arctic_shift")
    assert "ok    arctic_shift: Arctic Shift answers, for 60 requests a minute at most" in there
    assert "warn  arctic_shift: it does not answer; until it does, the bundled sample" in away
    assert "FAIL  arctic_shift: Arctic Shift does not answer" in named


def test_reddit_without_credentials_is_refused(tmp_path: Path) -> None:
    ended = _ended(tmp_path, "serve", "--port", "0", DATA_SOURCE="reddit")
    assert ended.returncode != 0
    assert "DATA_SOURCE=reddit needs REDDIT_CLIENT_ID" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_an_outage_is_an_honest_error_and_then_a_stale_answer(fake: FakeArcticShift, tmp_path: Path) -> None:
    settings = {"RETRY_ATTEMPTS": "1", "CALL_TIMEOUT": "5"}
    async with (
        fake.running() as arctic,
        server_beside(tmp_path, ARCTIC_SHIFT_URL=arctic, **settings) as url,
        asking(url) as ask,
    ):
        fake.away = True
        error = (await ask("get_subreddit_posts", **PYTHON))["error"]
        assert (error["type"], error["data"]["upstream_service"]) == ("upstream_error", "arctic_shift")
        for number in range(6):
            error = (await ask("get_subreddit_info", subreddit=f"kettles{number}"))["error"]
        assert (error["type"], error["data"]["reason"]) == ("unavailable", "breaker_open"), json.dumps(error)


def _ended(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "reddit_mcp", *words],
        env=environment(folder, **settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _doctor(folder: Path, **settings: str) -> str:
    return _ended(folder, "doctor", **settings).stdout
