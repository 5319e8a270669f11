"""Billing in a run of one account: the real Actor and the platform's real client, over HTTP, against a fake of it."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.billed_actor import (
    PATIENT,
    BilledServer,
    Run,
    billed_run,
    billed_server,
    forgetful,
    is_good,
    kinds,
    mishaps,
    reason,
    side_by_side,
    some_post,
)
from tests.support.fake_platform import FakePlatform, Fault
from tests.support.patience import PATIENCE_SECONDS
from tests.support.redis_store import until


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, FakePlatform]]:
    """A run of one account, for the tests that leave it as it was."""
    platform = FakePlatform()
    with platform.running(), billed_run(tmp_path_factory.mktemp("single"), platform, **PATIENT) as run:
        yield run, platform


@pytest.fixture
async def single(alone: tuple[Run, FakePlatform]) -> AsyncIterator[tuple[BilledServer, FakePlatform]]:
    async with forgetful(*alone) as both:
        yield both


async def test_each_good_answer_is_charged_once_whatever_happens_to_the_charges(tmp_path: Path) -> None:
    platform, calls = FakePlatform(), 500
    with platform.running():
        async with billed_server(tmp_path, platform, **PATIENT) as server:
            mixed = kinds(await some_post(server))
            platform.charges.clear()
            platform.mishap = mishaps(random.Random(7))
            asked = (mixed[number % len(mixed)] for number in range(calls))
            answers = await side_by_side(server.call(tool, **arguments) for tool, arguments in asked)
            platform.heal()
            good = sum(map(is_good, answers))
            await until(lambda: platform.charged.get("tool-call", 0) >= good)
            usage = await _settled_usage(server, platform)
        assert good == calls * 3 // 5
        assert server.process.wait(PATIENCE_SECONDS) == 0
    assert platform.charged == {"tool-call": good, "comments-expanded": calls // 5}
    assert len({charge.key for charge in platform.charges}) == len(platform.charges)
    assert platform.charging.repeated  # the faults did make the same charge arrive twice
    assert usage == platform.charged


async def _settled_usage(server: BilledServer, platform: FakePlatform) -> dict[str, int]:
    """What the caller's page says was charged, once it says all of it; less what `some_post` cost."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            charged: dict[str, int] = (await server.usage())["days"][0]["charged"]
            charged["tool-call"] -= 2
            if charged == platform.charged:
                return charged
            await asyncio.sleep(0.1)


async def test_a_read_costs_what_the_call_costs_and_a_watch_of_ones_own_nothing(
    single: tuple[BilledServer, FakePlatform],
) -> None:
    server, platform = single
    trends = await server.call("get_trending_topics")
    community = trends["trending_topics"][0]["top_subreddits"][0]["name"]
    post = (await server.call("get_subreddit_posts", subreddit=community))["posts"][0]["id"]
    for address in (f"reddit://r/{community}/about", f"reddit://post/{post}"):
        assert "result" in await server.read(address)
    assert platform.charged == {"tool-call": 4}
    for address in ("reddit://post/zzzzzzz", "reddit://r/nonesuch/about", "reddit://watches/nobodys"):
        assert "error" in await server.read(address)
    assert platform.charged == {"tool-call": 4}


async def test_a_run_of_one_account_answers_while_the_platform_is_down_and_settles(
    single: tuple[BilledServer, FakePlatform],
) -> None:
    server, platform = single
    platform.mishap = lambda path, _number: Fault(status=503) if "/charge" in path else None
    answers = await asyncio.gather(*(server.call("search_reddit", query="garden") for _ in range(12)))
    assert all(map(is_good, answers))
    assert not platform.charged
    platform.heal()
    await until(lambda: platform.charged == {"tool-call": 12})
    assert len(platform.charges) == 12


async def test_a_slow_charge_delays_nobody_else(single: tuple[BilledServer, FakePlatform]) -> None:
    server, platform = single
    await server.call("search_reddit", query="garden")
    platform.fail("/charge", times=1, hang=True)  # for a second; then it is sent again
    slow = asyncio.create_task(server.call("search_reddit", query="garden"))
    arrived = len(platform.requests)
    await until(lambda: len(platform.requests) > arrived)
    await asyncio.gather(*(server.call("search_reddit", query="garden") for _ in range(8)))
    assert not slow.done()
    assert is_good(await slow)
    assert platform.charged == {"tool-call": 10}


async def test_a_caller_who_hangs_up_while_it_is_charged_is_charged_once(
    single: tuple[BilledServer, FakePlatform],
) -> None:
    server, platform = single
    platform.fail("/charge", times=1, delay=0.5)
    arrived = len(platform.requests)
    call = asyncio.create_task(server.call("search_reddit", query="garden"))
    await until(lambda: len(platform.requests) > arrived)
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    await until(lambda: platform.charged == {"tool-call": 1})


async def test_the_limit_of_the_run_is_never_overshot_nor_forgotten(tmp_path: Path) -> None:
    platform = FakePlatform(max_total_charge_usd=0.02)  # ten calls
    with platform.running():
        async with billed_server(tmp_path, platform) as server:
            for _ in range(4):
                await server.call("search_reddit", query="garden")
        assert platform.charged == {"tool-call": 4}
        async with billed_server(tmp_path, platform) as again:  # the same run, moved elsewhere
            platform.fail("/charge", times=1, status=403, kind="failed-to-charge-user")
            unpaid = await again.call("search_reddit", query="garden")  # its reserve comes back
            platform.mishap = lambda path, _number: Fault(delay=0.2) if "/charge" in path else None
            answers = await asyncio.gather(*(again.call("search_reddit", query="garden") for _ in range(12)))
            refused = await again.call("search_reddit", query="garden")
            read = await again.read("reddit://r/nonesuch/about")
            failed = [line for line in again.log.splitlines() if "tool_failed" in line]
    assert reason(unpaid) == "charge_failed"
    assert Counter(map(is_good, answers)) == {True: 6, False: 6}
    assert platform.charged == {"tool-call": 10}
    assert (refused["error"]["type"], reason(refused)) == ("unavailable", "charge_limit")
    assert "$0.02" in refused["error"]["message"]
    assert read["error"]["data"]["reason"] == "charge_limit"
    assert [json.loads(line)["level"] for line in failed] == ["error"] + ["warning"] * 8
