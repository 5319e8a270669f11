"""A run that is no server: its input, its dataset, its last word, over a fake of the platform; and the usage of a run
of many accounts."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mcp import Client
from pydantic import SecretStr

from reddit_mcp.actor.usage_dataset import NAME
from reddit_mcp.settings import Settings
from reddit_mcp.storage.redis.open_store import open_store
from reddit_mcp.storage.watches.watch_store import WatchStore
from tests.support.actor_process import Container, container, serving
from tests.support.fake_platform import FakePlatform
from tests.support.fake_platform.platform import PRICES
from tests.support.redis_store import a_watch, answering, free_port, running_server, until
from tests.support.scripted_reddit import Reply, ScriptedReddit

KEY = "0" * 64
PATIENT = {"reddit_mcp.actor.run_lifecycle.CALL_SECONDS": 600.0}
"""A dataset that hangs does not end the run by itself."""

ROOT = Path(__file__).parents[3]
TOOLS = {
    "get_subreddit_posts",
    "search_reddit",
    "get_post_comments",
    "get_trending_topics",
    "analyze_sentiment",
    "get_user_info",
    "get_subreddit_info",
}


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    fake = FakePlatform()
    with fake.running():
        yield fake


def rows_of(platform: FakePlatform) -> list[dict[str, Any]]:
    """The default dataset, each row as its schema has it and without anything that somebody wrote."""
    schema = json.loads((ROOT / ".actor/dataset_schema.json").read_text())["fields"]
    rows = platform.items.get("dataset-1", [])
    for row in rows:
        jsonschema.validate(row, schema)
        assert row.keys() <= schema["properties"].keys()
        assert not row.keys() & {"author", "title", "selftext", "text", "body"}
    return rows


def ran(platform: FakePlatform, data_dir: Path, given: Any = None, **settings: Any) -> int:
    """The exit code of a run with this input."""
    if given is not None:
        platform.records["store-1"] = {"INPUT": given}
    with container(platform, data_dir, origin="API", **settings) as run:
        return run.ended(60)[0]


def test_the_store_s_daily_run_succeeds_offline_with_the_prefilled_input(tmp_path: Path) -> None:
    """Where the platform bills rows, which costs the account that runs it, the log says so."""
    platform = FakePlatform(prices={**PRICES, "apify-default-dataset-item": 0.01})
    schema = json.loads((ROOT / ".actor/input_schema.json").read_text())
    prefilled = {name: field["prefill"] for name, field in schema["properties"].items() if "prefill" in field}
    platform.records["store-1"] = {"INPUT": prefilled}
    with platform.running(), container(platform, tmp_path, origin="API") as run:
        code, out, _ = run.ended(60)
    assert code == 0
    rows = rows_of(platform)
    assert {row["check"] for row in rows} == TOOLS
    assert all(row["ok"] for row in rows)
    assert platform.status_messages[0] == "Trying get_subreddit_posts."
    assert platform.status_messages[-1].startswith("Every tool that reads works, over invented sample data")
    assert platform.charged == {}
    assert "rows_are_billed" in out


def test_a_search_gives_its_posts_and_costs_one_call(platform: FakePlatform, tmp_path: Path) -> None:
    assert ran(platform, tmp_path, {"job": "search", "query": "bread", "time_filter": "all", "limit": 5}) == 0
    rows = rows_of(platform)
    assert 1 <= len(rows) <= 5
    for row in rows:
        assert row["permalink"] == f"https://www.reddit.com/r/{row['subreddit']}/comments/{row['post_id']}/"
    assert platform.status_messages[-1].startswith(f"Found {len(rows)} posts")
    assert platform.charged == {"tool-call": 1}


def test_a_search_reads_page_after_page_up_to_its_limit(platform: FakePlatform, tmp_path: Path) -> None:
    assert ran(platform, tmp_path, {"job": "search", "query": "the", "time_filter": "all", "limit": 130}) == 0
    assert len({row["post_id"] for row in rows_of(platform)}) == len(rows_of(platform)) == 130
    assert "Found 100 posts." in platform.status_messages
    assert platform.status_messages[-1].startswith("Found 130 posts")
    assert platform.charged == {"tool-call": 2}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"job": "search", "query": "lua", "limit": 5000}, "limit"),
        ({"job": "watch-tick"}, "REDIS_URL"),
    ],
    ids=["too many", "no store"],
)
def test_a_job_that_cannot_be_done_fails_in_words(
    platform: FakePlatform, tmp_path: Path, given: dict[str, Any], word: str
) -> None:
    assert ran(platform, tmp_path, given) == 1
    assert word in platform.status_messages[-1]
    assert platform.charged == {}


def test_a_self_check_fails_honestly_where_reddit_does_not_answer(platform: FakePlatform, tmp_path: Path) -> None:
    reddit = ScriptedReddit()
    reddit.answer = lambda _request: Reply(status=503)
    mine = {
        "REDDIT_CLIENT_ID": "id",
        "REDDIT_CLIENT_SECRET": "s",
        "REDDIT_OAUTH_URL": reddit.url,
        "REDDIT_URL": reddit.url,
    }
    with reddit.running():
        assert ran(platform, tmp_path, RETRY_ATTEMPTS="1", **mine) == 1
    assert "do not work: get_subreddit_posts" in platform.status_messages[-1]
    checks = {row["check"]: row["ok"] for row in rows_of(platform)}
    assert checks["get_subreddit_posts"] is False


def test_a_dataset_that_takes_nothing_fails_the_run(platform: FakePlatform, tmp_path: Path) -> None:
    platform.fail("/datasets", times=100, status=403)
    assert ran(platform, tmp_path) == 1
    assert "does not answer" in platform.status_messages[-1]


def test_a_run_that_is_aborted_ends_in_order(platform: FakePlatform, tmp_path: Path) -> None:
    platform.fail("/datasets", times=100, hang=True)
    with container(platform, tmp_path, origin="API", patches=PATIENT) as run:
        _until_it_hangs(platform, run)
        platform.emit("aborting")
        assert run.ended()[0] == 1
    assert platform.status_messages[-1] == "The run was ended before its job was done."


def test_a_run_that_is_terminated_ends_in_order(platform: FakePlatform, tmp_path: Path) -> None:
    platform.fail("/datasets", times=100, hang=True)
    with container(platform, tmp_path, origin="API", patches=PATIENT) as run:
        _until_it_hangs(platform, run)
        run.process.send_signal(signal.SIGTERM)
        assert run.ended()[0] == 1
    assert platform.status_messages[-1] == "The run was ended before its job was done."


def _until_it_hangs(platform: FakePlatform, run: Container) -> None:
    """In the midst of its job: the rows are on their way."""

    def hangs() -> bool:
        assert run.process.poll() is None, run.ended()
        return any("/datasets" in path for _, path in platform.requests)

    asyncio.run(until(hangs))


async def test_a_watch_tick_shows_the_account_s_matches_and_nobody_else_s(
    platform: FakePlatform, tmp_path: Path
) -> None:
    port = str(free_port())
    url = f"redis://127.0.0.1:{port}"
    async with running_server(tmp_path, "--port", port, "--bind", "127.0.0.1"):
        await answering(url)
        async with open_store(Settings(_env_file=None, redis_url=SecretStr(url))) as store:
            mine, others = (
                a_watch(owner, keywords=["bread"], alert_threshold="any") for owner in ("apify:user-1", "x")
            )
            for watch in (mine, others):
                await WatchStore(store).create(watch, limit=3)
            shared = {"REDIS_URL": url, "MCP_MASTER_KEY": KEY}
            assert await asyncio.to_thread(ran, platform, tmp_path, {"job": "watch-tick"}, **shared) == 0
            assert (await WatchStore(store).get("x", others.watch_id)).matches
    *found, last = rows_of(platform)
    assert found
    assert {(row["watch_id"], row["keyword"]) for row in found} == {(mine.watch_id, "bread")}
    assert last == {"job": "watch-tick", "message": f"The due keyword watches found {len(found)} new matches."}
    assert platform.status_messages[-1] == last["message"]


async def test_the_usage_of_many_accounts_goes_to_a_dataset_of_the_operator(tmp_path: Path) -> None:
    platform = FakePlatform(prices=None, tenancy="multi")
    with platform.running(), serving(platform, tmp_path, APIFY_TENANCY="multi") as run:
        async with Client(run.url + "/mcp") as client:
            await client.call_tool("search_reddit", {"query": "a secret of mine"})
            await client.call_tool("get_user_info", {"username": "nobody_of_this_name"})
        platform.emit("aborting")
        assert (await asyncio.to_thread(run.ended))[0] == 0
    found, missing = platform.items[NAME]
    assert (found["tool"], found["cache"], found["error_type"]) == ("search_reddit", "miss", None)
    assert (missing["tool"], missing["error_type"]) == ("get_user_info", "not_found")
    assert found["caller"] == missing["caller"] != "apify-run:run-1"
    assert found.keys() == missing.keys()
    assert "secret of mine" not in json.dumps(platform.items)
    assert sum(path.endswith(f"{NAME}/items") for _, path in platform.requests) == 1
