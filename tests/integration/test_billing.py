"""Billing by the real Actor and the real client of the platform, over HTTP, against a fake of the platform."""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.billed_things import BilledServer, actor, billed_server, some_post
from tests.fake_platform import FakePlatform, Fault
from tests.fake_platform.platform import PRICES
from tests.fake_platform.run import pricing as described_pricing
from tests.running import environment
from tests.storage_fixtures import until

CALLS, AT_ONCE = 500, 14
FAULTS = (
    {"status": 500},
    {"status": 502, "applied": True},
    {"status": 429},
    {"lost": True},
    {"lost": True, "applied": True},
    {"hang": True},
    {"hang": True, "applied": True},
    {"delay": 0.5},
)


def is_good(answer: dict[str, Any]) -> bool:
    return "error" not in answer


async def test_each_good_answer_is_charged_once_whatever_happens_to_the_charges(tmp_path: Path) -> None:
    platform, chance = FakePlatform(), random.Random(7)

    def mishap(path: str, _number: int) -> Fault | None:
        if "/charge" not in path or chance.random() > 0.25:
            return None
        fault = chance.choices(FAULTS, weights=(8, 8, 4, 8, 8, 1, 1, 8))[0]
        return Fault(**fault)

    with platform.running():
        async with billed_server(tmp_path, platform, BREAKER_RATE="1", BREAKER_FAILURES="50") as server:
            answers = await _mixed_calls(server, platform, mishap)
            platform.heal()
            good = Counter(is_good(answer) for answer in answers)[True]
            await until(lambda: platform.charged.get("tool-call", 0) >= good, seconds=20)
            usage = await _settled_usage(server, platform)
        assert good == CALLS * 3 // 5
        assert server.process.wait(30) == 0
    assert platform.charged == {"tool-call": good, "comments-expanded": CALLS // 5}
    assert len({charge.key for charge in platform.charges}) == len(platform.charges)
    assert platform.charging.repeated  # the faults did make the same charge arrive twice
    assert usage == platform.charged


async def _mixed_calls(server: BilledServer, platform: FakePlatform, mishap: Any) -> list[dict[str, Any]]:
    post = await some_post(server)
    platform.charges.clear()
    platform.mishap = mishap
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("search_reddit", {"query": "garden"}),
        ("get_post_comments", {"post_id": post, "expand_more": 2, "limit": 3}),
        ("get_trending_topics", {}),
        ("search_reddit", {"query": ""}),  # refused
        ("get_user_info", {"username": "nobody_of_this_name"}),  # not found
    ]
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> dict[str, Any]:
        tool, arguments = kinds[number % len(kinds)]
        async with places:
            return await server.call(tool, **arguments)

    return await asyncio.gather(*(one(number) for number in range(CALLS)))


async def _settled_usage(server: BilledServer, platform: FakePlatform) -> dict[str, int]:
    """What the caller's page says was charged, once it says all of it; less what `some_post` cost."""
    async with asyncio.timeout(15):
        while True:
            charged: dict[str, int] = (await server.usage())["days"][0]["charged"]
            charged["tool-call"] -= 2
            if charged == platform.charged:
                return charged
            await asyncio.sleep(0.1)


async def test_a_run_of_many_accounts_names_the_request_and_charges_within_it(tmp_path: Path) -> None:
    platform = FakePlatform(tenancy="multi")
    with platform.running():
        async with billed_server(tmp_path, platform, APIFY_TENANCY="multi") as server:
            calls = (server.through_gateway(platform, "search_reddit", query="garden") for _ in range(10))
            answers = await asyncio.gather(*calls)
            assert all(map(is_good, answers))
            unnamed = await server.call("search_reddit", query="garden")
            ended = await server.call("search_reddit", "request-that-ended", query="garden")
    assert platform.charged == {"tool-call": 10}
    assert len({charge.request_id for charge in platform.charges}) == 10
    assert all(charge.key.startswith(f"{charge.request_id}:") for charge in platform.charges)
    assert [answer["error"]["data"]["reason"] for answer in (unnamed, ended)] == ["charge_failed"] * 2


async def test_a_run_of_many_accounts_refuses_while_the_platform_is_down(tmp_path: Path) -> None:
    platform = FakePlatform(tenancy="multi")
    with platform.running():
        async with billed_server(tmp_path, platform, APIFY_TENANCY="multi") as server:
            platform.mishap = lambda path, _number: Fault(hang=True) if "/charge" in path else None
            started = time.monotonic()
            refused = await server.through_gateway(platform, "search_reddit", query="garden")
            seconds = time.monotonic() - started
            platform.heal()
            good = await server.through_gateway(platform, "search_reddit", query="garden")
    assert refused["error"]["data"]["reason"] == "charge_failed"
    assert 2.5 < seconds < 4.5
    assert is_good(good)
    assert platform.charged == {"tool-call": 1}


async def test_a_run_of_one_account_answers_while_the_platform_is_down_and_settles(tmp_path: Path) -> None:
    platform = FakePlatform()
    with platform.running():
        async with billed_server(tmp_path, platform, BREAKER_WAIT="0.5") as server:
            platform.mishap = lambda path, _number: Fault(status=503) if "/charge" in path else None
            answers = [await server.call("search_reddit", query="garden") for _ in range(12)]
            assert all(map(is_good, answers))
            assert not platform.charged
            platform.heal()
            await until(lambda: platform.charged == {"tool-call": 12}, seconds=30)
    assert len(platform.charges) == 12


async def test_what_is_unsettled_is_charged_before_the_process_ends(tmp_path: Path) -> None:
    platform = FakePlatform()
    with platform.running():
        async with billed_server(tmp_path, platform) as server:
            platform.fail("/charge", times=3, status=500)
            assert is_good(await server.call("search_reddit", query="garden"))
            assert not platform.charged
        assert server.process.returncode == 0
    assert platform.charged == {"tool-call": 1}


async def test_the_limit_of_the_run_is_never_overshot(tmp_path: Path) -> None:
    platform = FakePlatform(max_total_charge_usd=0.02)  # ten calls
    with platform.running():
        async with billed_server(tmp_path, platform) as server:
            platform.mishap = lambda path, _number: Fault(delay=0.2) if "/charge" in path else None
            calls = (server.call("search_reddit", query="garden") for _ in range(15))
            answers = await asyncio.gather(*calls)
            refused = await server.call("search_reddit", query="garden")
    assert Counter(map(is_good, answers)) == {True: 10, False: 5}
    assert platform.charged == {"tool-call": 10}
    assert refused["error"]["data"]["reason"] == "charge_limit"
    assert "$0.02" in refused["error"]["message"]
    assert refused["error"]["type"] == "unavailable"


async def test_what_the_run_charged_before_counts_for_its_limit(tmp_path: Path) -> None:
    platform = FakePlatform(max_total_charge_usd=0.02)
    with platform.running():
        async with billed_server(tmp_path, platform) as server:
            for _ in range(9):
                await server.call("search_reddit", query="garden")
        async with billed_server(tmp_path, platform) as again:  # the same run, moved elsewhere
            answers = [await again.call("search_reddit", query="garden") for _ in range(2)]
    assert [is_good(answer) for answer in answers] == [True, False]
    assert platform.charged == {"tool-call": 10}


async def test_a_slow_charge_delays_nobody_else(tmp_path: Path) -> None:
    platform = FakePlatform()
    with platform.running():
        async with billed_server(tmp_path, platform) as server:
            await server.call("search_reddit", query="garden")
            platform.fail("/charge", times=1, hang=True)  # for a second; then it is sent again
            slow = asyncio.create_task(server.call("search_reddit", query="garden"))
            arrived = len(platform.requests)
            await until(lambda: len(platform.requests) > arrived)
            await asyncio.gather(*(server.call("search_reddit", query="garden") for _ in range(8)))
            assert not slow.done()
            assert is_good(await slow)
    assert platform.charged == {"tool-call": 10}


async def test_a_caller_who_hangs_up_while_it_is_charged_is_charged_once(tmp_path: Path) -> None:
    platform = FakePlatform()
    with platform.running():
        async with billed_server(tmp_path, platform) as server:
            platform.fail("/charge", times=1, delay=0.5)
            arrived = len(platform.requests)
            call = asyncio.create_task(server.call("search_reddit", query="garden"))
            await until(lambda: len(platform.requests) > arrived)
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
            await until(lambda: platform.charged == {"tool-call": 1})
    assert platform.charged == {"tool-call": 1}


async def test_a_refused_charge_is_a_refused_call(tmp_path: Path) -> None:
    platform = FakePlatform(max_total_charge_usd=0.002)
    with platform.running():
        async with billed_server(tmp_path, platform) as server:
            platform.fail("/charge", times=1, status=403, kind="failed-to-charge-user")
            refused = await server.call("search_reddit", query="garden")
            good = await server.call("search_reddit", query="garden")  # its reserve came back
    assert refused["error"]["data"]["reason"] == "charge_failed"
    assert is_good(good)
    assert platform.charged == {"tool-call": 1}


async def test_an_actor_that_is_not_pay_per_event_serves_for_nothing_and_says_so(tmp_path: Path) -> None:
    platform = FakePlatform(prices=None)
    with platform.running():
        async with billed_server(tmp_path, platform) as server:
            assert is_good(await server.call("search_reddit", query="garden"))
        assert "billing_off" in server.log
    assert not any("/charge" in path for _, path in platform.requests)


@pytest.mark.parametrize("missing", ["tool-call", "comments-expanded", "watch-match"])
def test_an_event_without_a_price_is_fatal(tmp_path: Path, missing: str) -> None:
    prices = {name: 0.001 for name in ("tool-call", "comments-expanded", "watch-match") if name != missing}
    platform = FakePlatform(prices=prices)
    with platform.running(), actor(tmp_path, platform) as process:
        assert process.wait(30) == 1
    log = (tmp_path / "actor.log").read_text()
    assert missing in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("prices", "status", "line"),
    [
        (PRICES, 0, "ok    billing: comments-expanded $0.003, tool-call $0.002, watch-match $0.001"),
        ({"tool-call": 0.002}, 1, "FAIL  billing: The Actor's pricing on Apify has no price for: comments-expanded"),
        (None, 0, "warn  billing: the Actor is not pay-per-event"),
    ],
    ids=["priced", "unpriced", "free"],
)
def test_doctor_checks_the_prices(tmp_path: Path, prices: dict[str, float] | None, status: int, line: str) -> None:
    platform = FakePlatform(prices=prices)
    with platform.running():
        told = subprocess.run(
            [sys.executable, "-m", "reddit_mcp", "doctor"],
            env=environment(tmp_path, **platform.environment()),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert line in told.stdout
    assert told.returncode == status, told.stdout


def test_doctor_reads_the_prices_of_the_environment_and_needs_none(tmp_path: Path) -> None:
    def billing(**settings: str) -> str:
        words = [sys.executable, "-m", "reddit_mcp", "doctor"]
        environ = environment(tmp_path, **settings)
        told = subprocess.run(words, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        return next(line for line in told.stdout.splitlines() if " billing: " in line)

    pricing = json.dumps(described_pricing({"tool-call": 0.002}))
    assert billing() == "ok    billing: no Apify run, so nothing is billed"
    assert billing(APIFY_ACTOR_PRICING_INFO=pricing).startswith("FAIL  billing: The Actor's pricing")


def test_a_platform_that_does_not_answer_ends_the_start_in_one_line(tmp_path: Path) -> None:
    platform = FakePlatform()
    with platform.running():
        environ = {**environment(tmp_path, **platform.environment()), "ACTOR_RUN_ID": "of-nobody"}
        words = [sys.executable, "-m", "reddit_mcp", "doctor"]
        told = subprocess.run(words, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "FAIL  billing: The Apify platform does not tell how this run is billed" in told.stdout
    assert "Traceback" not in told.stderr
