"""Watches as their owners meet them: over a real server and a worker, with the sample archive as Reddit."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reddit_mcp.app import build
from reddit_mcp.settings import Settings
from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.watches.background_jobs import BackgroundJobs
from tests.support import redis_cluster
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import a_watch, answering, assert_no_leaks, free_port, running_server
from tests.support.server_process import command, environment, server
from tests.support.tool_calls import asking

Json = Any


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("watches")) as url:
        yield url


async def a_common_word(ask: Any) -> tuple[str, str]:
    """A community, and a word that stands in many of its newest posts."""
    community = (await ask("search_reddit", query="the", limit=1))["results"][0]["subreddit"]
    posts = (await ask("get_subreddit_posts", subreddit=community, sort="new", limit=100))["posts"]
    words = [set(f"{post['title']} {post['selftext']}".lower().split()) for post in posts]
    common = {word for each in words for word in each if word.isalpha()}
    return community, max(sorted(common), key=lambda word: sum(word in each for each in words))


async def matches(ask: Any, watch_id: str, **arguments: Json) -> Json:
    return await ask("watch_keywords", action="matches", watch_id=watch_id, **arguments)


async def checked(ask: Any, watch_id: str) -> Json:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (answer := await matches(ask, watch_id))["watch"]["last_checked_utc"] is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return answer


async def test_a_new_watch_is_checked_at_once_and_its_matches_are_paged(url: str) -> None:
    async with asking(url) as ask:
        community, word = await a_common_word(ask)
        wanted = {"keywords": [word.upper()], "subreddits": [community], "alert_threshold": "any"}
        watch = (await ask("watch_keywords", action="create", **wanted))["watch"]
        page = await checked(ask, watch["watch_id"])
        assert page["watch"]["matches"] > 25
        assert page["watch"]["next_check_utc"] % (15 * 60) == 0
        seen = list(page["matches"])
        while page["after"]:
            page = await matches(ask, watch["watch_id"], after=page["after"])
            seen += page["matches"]
        assert len({match["match_id"] for match in seen}) == len(seen) == page["watch"]["matches"]
        match = seen[0]
        assert set(match) >= {"match_id", "watch_id", "keyword", "why", "post", "sentiment", "matched_utc"}
        assert (match["watch_id"], match["keyword"]) == (watch["watch_id"], word)
        assert match["post"]["subreddit"] == community
        assert -1 <= match["sentiment"] <= 1
        await ask("watch_keywords", action="delete", watch_id=watch["watch_id"])
        assert (await matches(ask, watch["watch_id"]))["error"]["type"] == "not_found"


async def test_all_of_reddit_is_watched(url: str) -> None:
    async with asking(url) as ask:
        _, word = await a_common_word(ask)
        made = await ask("watch_keywords", action="create", keywords=[word], alert_threshold="any")
        page = await checked(ask, made["watch"]["watch_id"])
        assert page["matches"]


async def test_high_engagement_says_why(url: str) -> None:
    async with asking(url) as ask:
        community, word = await a_common_word(ask)
        made = await ask("watch_keywords", action="create", keywords=[word], subreddits=[community])
        page = await checked(ask, made["watch"]["watch_id"])
        assert 0 < page["watch"]["matches"] < 100
        assert all("90th percentile of r/" in match["why"] for match in page["matches"])


async def test_a_paused_watch_is_not_checked_until_it_is_resumed(url: str) -> None:
    async with asking(url) as ask:
        made = await ask("watch_keywords", action="create", keywords=["quokka"], subreddits=["python"])
        watch_id = made["watch"]["watch_id"]
        await checked(ask, watch_id)
        paused = await ask("watch_keywords", action="pause", watch_id=watch_id)
        assert (paused["watch"]["status"], paused["watch"]["next_check_utc"]) == ("paused", None)
        await ask("watch_keywords", action="resume", watch_id=watch_id)
        assert (await checked(ask, watch_id))["watch"]["status"] == "active"


async def test_a_worker_checks_watches_alone(tmp_path: Path) -> None:
    port = free_port()
    async with running_server(tmp_path, "--port", str(port)):
        await answering(f"redis://127.0.0.1:{port}")
        await the_worker_checks(tmp_path, f"redis://127.0.0.1:{port}")


async def test_a_worker_checks_watches_on_a_redis_cluster(tmp_path: Path) -> None:
    with redis_cluster.cluster(tmp_path) as urls:
        await the_worker_checks(tmp_path, urls[0])


async def the_worker_checks(data_dir: Path, url: str) -> None:
    key = base64.b64encode(os.urandom(32)).decode()
    async with Store(connect(url, timeout=5), prefix="reddit_mcp:", timeout=5, cluster_url=url) as store:
        watches = WatchStore(store)
        watch = a_watch("ada", keywords=("the",), subreddits=(), alert_threshold="any", check_interval=5)
        await watches.create(watch, limit=1)
        with command("worker", data_dir=data_dir, REDIS_URL=url, MCP_MASTER_KEY=key) as worker:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (found := await watches.get("ada", watch.watch_id)).matches:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, 30) == 0
        page = await watches.matches("ada", watch.watch_id, limit=1000)
        assert len(page.matches) == found.matches
        async with store.visit() as redis:
            await assert_no_leaks(redis, "reddit_mcp:")
        await watches.delete("ada", watch.watch_id)
        assert await watches.list("ada") == ()


async def test_a_draining_server_lets_jobs_end_beside_its_calls(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, redis_url=None)
    drained: list[BackgroundJobs] = []
    app = build(settings)
    async with app.router.lifespan_context(app):
        with pytest.MonkeyPatch.context() as heard:
            heard.setattr(BackgroundJobs, "drain", lambda jobs: drained.append(jobs))  # noqa: PLW0108 - a method
            app.state.drain(24)
    assert len(drained) == 1


def test_a_worker_that_cannot_start_says_so_in_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "reddit_mcp", "worker"],
        env=environment(tmp_path, ARCHIVE_DB=str(tmp_path / "none")),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("mcp-for-reddit: ARCHIVE_DB")
    assert len(ended.stderr.splitlines()) == 1
