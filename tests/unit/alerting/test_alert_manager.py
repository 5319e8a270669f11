"""Each alert is told once, again after its cooldown or when it has grown worse, and when it is over; by one replica."""

import asyncio
from typing import Any

import pytest
from fakeredis import FakeServer

from reddit_mcp.alerting import alert_manager as module
from reddit_mcp.alerting.alert_channels import Alert
from reddit_mcp.alerting.alert_manager import COOLDOWN_SECONDS, AlertManager
from reddit_mcp.alerting.alert_rules import Figures, findings
from reddit_mcp.errors import UpstreamError
from reddit_mcp.storage.alert_states import AlertStates
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.lease import Lease
from tests.support.clocks import Clock
from tests.support.redis_store import server as server  # noqa: PLC0414 - fixtures
from tests.support.redis_store import store as store  # noqa: PLC0414

EVERYTHING = Figures(100, 100, 1e6, 100, 0, 100, 1000, 1, 1, ["reddit"])
WELL, WARNING, CRITICAL = Figures(), Figures(budget_utilization=0.85), Figures(budget_utilization=0.95)


class World:
    """Figures that a test sets, and the alerts that were told."""

    def __init__(self, store: Store) -> None:
        self.figures: Figures | Exception = WELL
        self.clock = Clock(1_800_000_000)
        self.told: list[Alert] = []
        self._store = store

    def manager(self) -> AlertManager:
        return AlertManager(
            self.measure,
            Lease(self._store, "alerts"),
            AlertStates(self._store),
            {"broken": self.refuse, "mine": self.take},
            self.clock,
        )

    async def measure(self) -> Figures:
        if isinstance(self.figures, Exception):
            raise self.figures
        return self.figures

    async def take(self, alert: Alert) -> None:
        self.told.append(alert)

    async def refuse(self, _alert: Alert) -> None:
        raise UpstreamError("Down.")

    @property
    def heard(self) -> list[tuple[str, str, str]]:
        heard = [(alert["rule"], alert["severity"], alert["status"]) for alert in self.told]
        self.told.clear()
        return heard


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


FIRING = ("rate_limit_high", "warning", "firing")
WORSE = ("rate_limit_high", "critical", "firing")
OVER = ("rate_limit_high", "info", "resolved")


async def test_once_then_cool_then_over(world: World) -> None:
    manager = world.manager()
    world.figures = WARNING
    for _ in range(3):
        await manager.evaluate()
        world.clock.now += 60
    assert world.heard == [FIRING]
    world.figures = WELL
    for _ in range(3):
        await manager.evaluate()
    assert world.heard == [OVER]
    world.figures = WARNING  # it flaps: within the cooldown nobody is told again
    await manager.evaluate()
    assert world.heard == []
    world.clock.now += COOLDOWN_SECONDS
    await manager.evaluate()
    assert world.heard == [FIRING]


async def test_worse_is_told_at_once(world: World) -> None:
    manager = world.manager()
    for figures in (WARNING, CRITICAL, WARNING, CRITICAL):
        world.figures = figures
        await manager.evaluate()
    assert world.heard == [FIRING, WORSE]


async def test_what_lasts_is_told_again_after_the_cooldown(world: World) -> None:
    manager, world.figures = world.manager(), WARNING
    await manager.evaluate()
    world.clock.now += COOLDOWN_SECONDS - 1
    await manager.evaluate()
    assert world.heard == [FIRING]
    world.clock.now += 1
    await manager.evaluate()
    assert world.heard == [FIRING]


async def test_every_rule_fires_once_cools_down_and_resolves(world: World) -> None:
    manager, rules = world.manager(), {finding.rule for finding in findings(EVERYTHING)}
    assert len(rules) == 7
    world.figures = EVERYTHING
    for _ in range(14):  # minutes, all within the cooldown
        await manager.evaluate()
        world.clock.now += 60
    assert sorted((rule, status) for rule, _, status in world.heard) == sorted((rule, "firing") for rule in rules)
    world.figures = WELL
    for _ in range(3):
        await manager.evaluate()
    assert sorted((rule, status) for rule, _, status in world.heard) == sorted((rule, "resolved") for rule in rules)


async def test_the_payload(world: World) -> None:
    world.figures = WARNING
    await world.manager().evaluate()
    assert world.told == [
        {
            "rule": "rate_limit_high",
            "severity": "warning",
            "status": "firing",
            "message": "85% of the source's request budget is in use.",
            "timestamp": "2027-01-15T08:00:00+00:00",
            "metrics": {"utilization": 0.85},
        }
    ]


async def test_one_replica_tells_and_another_knows(world: World, server: FakeServer, store: Store) -> None:
    replicas, world.figures = [world.manager() for _ in range(3)], WARNING
    await asyncio.gather(*(replica.evaluate() for replica in replicas))
    assert world.heard == [FIRING]
    async with store.visit() as redis:
        await redis.delete(*[key for key in await redis.keys("*") if b"lease" in key])  # its holder has died
    world.figures = WELL
    await replicas[2].evaluate()
    assert world.heard == [OVER]


async def test_it_goes_on_through_faults(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.001)
    faults: list[Any] = [KeyError("a bug"), WARNING]
    async with asyncio.timeout(10), world.manager():
        for world.figures in faults:
            await asyncio.sleep(0.01)
        while not world.told:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert world.heard == [FIRING]
