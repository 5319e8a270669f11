"""A server of the Apify platform: its start, who calls, what keeps it alive, over a fake of the platform."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest
from mcp import Client

from reddit_mcp.cli.parser import main
from tests.support.actor_calls import called, streams
from tests.support.actor_process import PROBE, container, serving
from tests.support.fake_platform import FakePlatform
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import free_port
from tests.support.server_process import environment


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    fake = FakePlatform()
    with fake.running():
        yield fake


def test_a_run_of_one_account_from_its_first_call_to_its_end(platform: FakePlatform, tmp_path: Path) -> None:
    """Who calls, what is not for sale without a store, and what is left when it ends."""
    token = {"authorization": "Bearer apify_api_0123456789"}
    with serving(platform, tmp_path) as run:
        with httpx.Client(base_url=run.url) as http:
            mine = http.get("/usage", headers=token).json()
            assert (mine["user"], mine["tier"]) == ("apify:user-1", "pro")
            assert http.get("/breakers", headers=token).status_code == 403
            assert http.get("/usage", headers={"x-api-key": "rmcp_nobody"}).status_code == 401
        watch = asyncio.run(called(run.url, "watch_keywords", {"action": "create", "keywords": ["lua"]}))
        platform.emit("aborting")
        code, out, err = run.ended()
        with pytest.raises(httpx.ConnectError):
            httpx.get(run.url)
    assert (watch["error"]["type"], watch["error"]["data"]["reason"]) == ("unavailable", "no_durable_store")
    assert "REDIS_URL" in watch["error"]["message"]
    assert (code, platform.status_messages[-1]) == (0, "Stopped.")
    assert "apify_api_0123456789" not in out + err
    assert not [path for _, path in platform.requests if "/datasets" in path]  # they belong to the caller


def test_the_readiness_probe_is_answered_fast_without_redis_and_under_any_name(tmp_path: Path) -> None:
    platform = FakePlatform(prices=None, tenancy="multi")
    away = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}", "MCP_MASTER_KEY": "0" * 64, "APIFY_TENANCY": "multi"}
    with platform.running(), serving(platform, tmp_path, **away) as run, httpx.Client(base_url=run.url) as http:
        for _ in range(40):
            answer = http.get("/", headers={**PROBE, "host": "some-container.example"})
            assert (answer.status_code, answer.text) == (200, "ready")
        assert http.get("/", headers={"host": "some-container.example"}).status_code == 421
        assert "/mcp" in http.get("/").text


def test_keys_need_a_store_that_outlives_the_run_and_doctor_says_so(
    platform: FakePlatform, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with patch.dict(os.environ, environment(tmp_path, **platform.environment()), clear=True):
        assert main(["keys", "list"]) == 1
        assert "REDIS_URL" in capsys.readouterr().err
        assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "warn  redis: on Apify without REDIS_URL" in said
    assert "10 of 100 Reddit requests a minute" in said


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
    with container(platform, tmp_path, patches={"reddit_mcp.actor.run_lifecycle.BEGIN_SECONDS": 1}, **settings) as run:
        code, _, err = run.ended()
    assert code == 1
    assert err.count("\n") == 1
    assert err.startswith("mcp-for-reddit: The Apify platform")


WATCHFUL = {"reddit_mcp.actor.watchdog.EVERY_SECONDS": 0.2, "reddit_mcp.actor.watchdog.PATIENCE_SECONDS": 0.5}


@pytest.mark.parametrize("fault", [signal.SIGUSR1, signal.SIGUSR2], ids=["lost listener", "stalled loop"])
def test_a_server_that_no_longer_serves_ends_itself_and_says_so(
    platform: FakePlatform, tmp_path: Path, fault: signal.Signals
) -> None:
    with serving(platform, tmp_path, patches=WATCHFUL) as run:
        run.process.send_signal(fault)
        code, out, _ = run.ended()
    assert code == 1
    assert "server_does_not_answer" in out


async def test_streams_without_a_call_do_not_keep_the_run_alive(platform: FakePlatform, tmp_path: Path) -> None:
    with serving(platform, tmp_path, patches={"reddit_mcp.app.IDLE_SECONDS": 1.0}) as run:
        async with streams(run.url) as open_streams:
            async with Client(run.url + "/mcp") as client:
                for _ in range(5):
                    await client.call_tool("get_subreddit_info", {"subreddit": "python"})
                    await asyncio.sleep(0.4)
                assert not any(task.done() for task in open_streams)
            await asyncio.wait_for(asyncio.gather(*open_streams), PATIENCE_SECONDS)
