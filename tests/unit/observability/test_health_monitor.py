"""How components are asked, remembered and announced."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from reddit_mcp.errors import Unavailable
from reddit_mcp.observability import health_monitor as module
from reddit_mcp.observability import logs, metrics
from reddit_mcp.observability.health_monitor import HealthMonitor


class Resource:
    """Something that is well until a test says otherwise."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.asked = 0

    async def ping(self) -> str:
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return "fine"


@pytest.fixture
def resource() -> Resource:
    return Resource()


@pytest.fixture
def monitor(resource: Resource) -> HealthMonitor:
    return HealthMonitor(lambda: {"resource": resource.ping, "other": _well})


async def _well() -> None:
    """Say nothing."""


Look = Callable[[], Awaitable[str]]


@pytest.fixture
def look(monitor: HealthMonitor, resource: Resource, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Looks anew, and gives the state of the resource."""
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)

    async def looked() -> str:
        return (await monitor.components())["resource"].status

    return looked


async def test_what_was_found_is_remembered_for_seconds(monitor: HealthMonitor, resource: Resource) -> None:
    first = await monitor.components()
    resource.trouble = Unavailable("Away.")
    assert await monitor.components() is first
    assert resource.asked == 1
    assert (first["resource"].message, first["other"].message) == ("fine", "ok")


async def test_what_is_known_already_does_not_wait(resource: Resource) -> None:
    known: list[str] = []
    monitor = HealthMonitor(lambda: {"resource": resource.ping}, lambda: len(known))
    await monitor.components()
    resource.trouble = Unavailable("Away.")
    known.append("away")
    assert (await monitor.components())["resource"].status == "unhealthy"
    await monitor.components()
    assert resource.asked == 2


async def test_many_ask_at_once_and_each_resource_is_asked_once(monitor: HealthMonitor, resource: Resource) -> None:
    await asyncio.gather(*(monitor.components() for _ in range(20)))
    assert resource.asked == 1


async def test_a_broken_ping_hides_no_other(monitor: HealthMonitor, resource: Resource) -> None:
    resource.trouble = KeyError("a bug")
    found = await monitor.components()
    assert (found["resource"].status, found["other"].status) == ("unhealthy", "healthy")
    assert "bug" not in found["resource"].message


async def test_degradation_and_recovery_are_announced_once(
    monitor: HealthMonitor, look: Look, resource: Resource, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    for trouble in (None, Unavailable("Away."), Unavailable("Away."), None, None):
        resource.trouble = trouble
        await look()
        assert monitor.degraded == ({"resource"} if trouble else set())
        text = metrics.exposition().decode()
        assert f'reddit_mcp_component_healthy{{component="resource"}} {0.0 if trouble else 1.0}' in text
        assert f"reddit_mcp_service_degraded {1.0 if trouble else 0.0}" in text
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [(line["event"], line["components"], line.get("reasons")) for line in lines]
    assert told == [
        ("service_degradation", ["resource"], {"resource": "Away."}),
        ("service_recovery", ["resource"], None),
    ]


async def test_it_looks_by_itself(resource: Resource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)
    async with asyncio.timeout(10), HealthMonitor(lambda: {"resource": resource.ping}) as monitor:
        resource.trouble = Unavailable("Away.")
        while not monitor.degraded:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        resource.trouble = None
        while monitor.degraded:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
