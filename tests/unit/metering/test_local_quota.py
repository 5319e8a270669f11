"""The quota of a process that has lost the store: its share of each caller's rate."""

import pytest

from reddit_mcp.metering import local_quota
from reddit_mcp.metering.local_quota import LocalBuckets
from reddit_mcp.tiers import DEFAULTS, Tier

FREE = DEFAULTS["free"]


class World:
    """Buckets, the number of replicas, and the time."""

    def __init__(self, replicas: int = 1) -> None:
        self.replicas = replicas
        self.now = 1_000.0
        self.buckets = LocalBuckets(lambda: self.replicas, lambda: self.now)

    def granted(self, tier: Tier = FREE, *, times: int = 40, weight: int = 1, caller: str = "ada") -> int:
        return sum(self.buckets.spend(caller, tier, weight).refused is None for _ in range(times))


@pytest.mark.parametrize(("replicas", "first", "in_a_minute"), [(0, 10, 10), (1, 10, 10), (3, 3, 3), (10, 1, 1)])
def test_each_process_has_its_share(replicas: int, first: int, in_a_minute: int) -> None:
    world = World(replicas)
    assert world.granted() == first
    world.now += 60
    assert world.granted() == in_a_minute


def test_many_processes_together_stay_at_the_rate() -> None:
    """A bucket holds one call at least, but does not fill faster for it."""
    world = World(40)
    granted = 0
    for _ in range(60 * 60):
        world.now += 1
        granted += world.granted(times=1)
    assert granted == 1 + (60 * 60 - 1) // 240  # a fortieth of ten a minute


def test_the_number_of_processes_may_change() -> None:
    world = World(1)
    world.replicas = 2
    assert world.granted() == 5
    world.replicas = 1
    world.now += 60
    assert world.granted() == 10


@pytest.mark.parametrize(
    ("tier", "granted", "window"),
    [(Tier(hour=3), 3, "hour"), (Tier(day=5, month=9), 5, "day"), (Tier(month=2), 2, "month")],
)
def test_a_tier_without_a_minute_is_not_let_through(tier: Tier, granted: int, window: str) -> None:
    world = World()
    assert world.granted(tier) == granted
    refused = world.buckets.spend("ada", tier, 1).refused
    assert refused
    assert refused.window == window


def test_a_heavy_call_is_served_once_in_a_while() -> None:
    world = World(10)  # a share of one call a minute
    assert world.granted(weight=4) == 1
    world.now += 239
    assert world.granted(weight=4) == 0
    world.now += 1.001
    assert world.granted(weight=4) == 1


def test_what_is_left_and_when_there_is_more() -> None:
    world = World()
    assert [(left.left, left.reset) for left in world.buckets.look("ada", FREE)] == [(10, 0.0)]
    world.granted()
    (left,) = world.buckets.look("ada", FREE)
    assert (left.left, left.reset, left.wait) == (0, 60.0, 6.0)


def test_given_back_is_there_again_and_not_more() -> None:
    world = World()
    spent = world.buckets.spend("ada", FREE, 3)
    world.buckets.refund(spent)
    world.buckets.refund(spent)
    assert world.granted() == 10


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_quota, "REMEMBERED_CALLERS", 3)
    world = World()
    for name in "abcda":
        world.buckets.spend(name, FREE, 1)
    assert len(world.buckets._buckets) == 3
    assert world.granted(caller="d") == 9
