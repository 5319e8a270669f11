"""`/metrics` and `/stats` of real servers on a real Redis say what was done."""

import asyncio
import contextlib
import json
import math
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from reddit_mcp.observability import metrics
from tests.support.keyed_servers import House
from tests.support.request_budget import redis_server
from tests.support.server_process import sample, server
from tests.support.tool_calls import TOOLS, asking

KEY = "00" * 32
Samples = dict[tuple[str, tuple[str, ...]], float]


def scraped(url: str, **options: Any) -> Samples:
    """Each sample by its name and the values of its labels, in the order of the labels' names."""
    answer = httpx.get(f"{url}/metrics", **options)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def told(url: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/stats", **options).json()
    return found


async def all_told(url: str, calls: int) -> dict[str, Any]:
    """What it tells when it has heard of these calls; replicas tell each other every few seconds."""
    while (found := await asyncio.to_thread(told, url))["overview"]["total_requests"] < calls:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    return found


def status(url: str, headers: dict[str, str]) -> int:
    return httpx.get(url, headers=headers).status_code


def total(replicas: list[Samples], name: str, *labels: str) -> float:
    return sum(samples.get((f"reddit_mcp_{name}", labels), 0) for samples in replicas)


@contextlib.asynccontextmanager
async def three_replicas(folder: Path, redis: str) -> AsyncIterator[list[str]]:
    archive = shutil.copy2(sample(), folder / "archive.sqlite")  # one file, so that they share cached answers
    with contextlib.ExitStack() as stack:
        urls = []
        for name in ("one", "two", "three"):
            (folder / name).mkdir()
            settings = {"REDIS_URL": redis, "MCP_MASTER_KEY": KEY, "LOG_FILE": str(folder / f"{name}.log")}
            settings["ARCHIVE_DB"] = str(archive)
            started = stack.enter_context
            urls.append(await asyncio.to_thread(started, server(folder / name, **settings)))
        yield urls


def durations(folder: Path) -> list[int]:
    """Milliseconds of every call, from the logs of all replicas."""
    lines = (
        json.loads(line)
        for name in ("one", "two", "three")
        for line in (folder / f"{name}.log").read_text().splitlines()
    )
    return sorted(line["duration_ms"] for line in lines if line["event"] in {"tool_called", "tool_failed"})


async def test_three_replicas_say_what_was_done(tmp_path: Path) -> None:
    done: Counter[str] = Counter()
    async with redis_server(tmp_path) as redis, three_replicas(tmp_path, redis) as urls:
        for number, url in enumerate(urls):
            async with asking(url) as ask:
                for word in ("bread", "stars", f"word{number}", f"other{number}"):
                    done["search_reddit"] += 1
                    await ask("search_reddit", query=word, time_filter="all")
                for name in ("python", "bad name!!"):
                    done["get_user_info"] += 1
                    await ask("get_user_info", username=name)
                done["watch_keywords"] += 1
                await ask("watch_keywords", action="list")
        replicas = [scraped(url) for url in urls]
        stats = [await all_told(url, done.total()) for url in urls]
    for tool, times in done.items():
        found = sum(total(replicas, "calls_total", *labels) for labels in (("ok", tool), *_failed(tool)))
        assert found == total(replicas, "call_seconds_count", tool) == times
    assert total(replicas, "call_errors_total", "validation", "-32602", "invalid_input") == 3
    assert total(replicas, "call_errors_total", "client_error", "-32003", "not_found") == 3
    # "bread" and "stars" were asked of the archive once; the second and third replica found them in Redis
    assert total(replicas, "upstream_requests_total", "ok", "archive") == 2 + 2 * 3
    assert total(replicas, "cache_lookups_total", "redis", "hit") == 4
    for each in stats:
        _is_the_sum(each, done)
    exact = durations(tmp_path)
    assert len(exact) == done.total()
    for name, share in (("p50_ms", 0.5), ("p95_ms", 0.95)):
        near = pytest.approx(
            exact[math.ceil(share * len(exact)) - 1], rel=0.02, abs=0.5 * 1.02
        )  # the log has whole ones
        assert [each["latency"][name] for each in stats] == [near] * 3


def _failed(tool: str) -> list[tuple[str, str]]:
    return [(outcome, tool) for outcome in ("invalid_input", "not_found")]


def _is_the_sum(stats: dict[str, Any], done: Counter[str]) -> None:
    assert stats["requests_by_tool"] == done
    assert stats["errors_by_type"] == {"invalid_input": 3, "not_found": 3}
    assert stats["overview"] | {"error_rate": None} == {
        "total_requests": done.total(),
        "error_count": 6,
        "error_rate": None,
        "active_users": 1,
        "rate_limit_hits": 0,
    }
    assert (stats["cache"]["hits"], stats["cache"]["misses"]) == (4, 8)
    assert sum(point["total_requests"] for point in stats["series"]) == done.total()
    assert stats["availability"]["availability"] == 1.0
    assert stats["source"]["name"] == "archive"
    assert {breaker["state"] for breaker in stats["breakers"]} == {"closed"}


async def test_figures_are_the_operators(tmp_path: Path) -> None:
    settings = {"AUTH_MODE": "api_key", "MCP_MASTER_KEY": KEY, "ALLOW_ANONYMOUS": "1"}
    house = House(tmp_path, settings)
    with server(tmp_path, **settings) as url:
        user = house.create("ann")["key"]
        operator = house.create("eve", "--role", "operator")["key"]
        for path in ("/metrics", "/stats"):
            asked = {"nobody": {}, "user": _bearer(user), "operator": _bearer(operator)}
            statuses = {who: status(url + path, headers) for who, headers in asked.items()}
            assert statuses == {"nobody": 403, "user": 403, "operator": 200}
        async with asking(url) as ask:
            outcomes = Counter([(await ask("get_user_info", username="python"))["error"]["type"] for _ in range(13)])
        stats = told(url, headers=_bearer(operator))
        samples = scraped(url, headers=_bearer(operator))
    refused = outcomes["rate_limited"]
    assert refused > 0
    assert stats["overview"]["rate_limit_hits"] == refused
    (violator,) = stats["top_violators"]
    assert violator["refused"] == refused
    assert len(violator["caller"]) == 16
    assert total([samples], "quota_refusals_total", "anonymous", "minute") == refused


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_labels_have_few_values() -> None:
    """A metric is bounded by its labels; names of callers, hosts and things asked for are none."""
    labels = {label for _, _, names, _ in metrics.catalogue() for label in names}
    assert labels == {
        *("tool", "outcome", "type", "code", "category", "tier", "window", "layer", "scope", "kind", "source", "of"),
        *("bulkhead", "breaker", "state", "event", "reason", "component", "limiter", "rule", "severity", "version"),
    }
    assert len(TOOLS) == 8
