"""The budget's rules outside Redis: the share of one process, and truthful estimates."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.storage.limits.request_budget import Census, Verdict
from reddit_mcp.upstream.rate_limit.pacing import LocalWindow, estimate, position
from tests.support.clocks import Clock

HIGH, NORMAL, LOW = 1, 2, 3

numbers = count()


def waiting(*, high: int = 0, low: int = 0, waited: float = 0.0, places: int = 8) -> Census:
    return Census((0, high, 0, low), (0.0, 0.0, 0.0, waited), places)


def local(clock: Clock, *, limit: int = 100, replicas: int = 1, span: float = 61.0) -> LocalWindow:
    window = LocalWindow(limit, span, clock)
    window.replicas = replicas
    return window


def drain(window: LocalWindow, clock: Clock, census: Census) -> int:
    """How many tokens are to be had at this moment."""
    found = 0
    while window.take(census).granted is not None:
        window.note(f"grant {next(numbers)}", clock.now)
        found += 1
    return found


def test_the_share_of_each_replica() -> None:
    clock = Clock()
    assert drain(local(clock, replicas=3), clock, waiting(high=1)) == 33
    assert drain(local(clock, limit=2, replicas=9), clock, waiting(high=1)) == 1
    assert drain(LocalWindow(100, 61.0, clock), clock, waiting(high=1)) == 25, "replicas unknown: careful"


def test_what_redis_granted_is_part_of_the_share() -> None:
    clock = Clock()
    window = local(clock, replicas=2)
    for i in range(60):
        window.note(str(i), clock.now - 1)
    assert drain(window, clock, waiting(high=1)) == 0
    window.forget("0")
    assert len(window.ages()) == 59
    clock.now += 60
    assert drain(window, clock, waiting(high=1)) == 50


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 3), st.integers(0, 3)), max_size=60))
def test_never_more_than_the_share_in_any_span(steps: list[tuple[float, int, int]]) -> None:
    clock, times = Clock(), list[float]()
    window = local(clock, limit=5)
    for pause, high, low in steps:
        clock.now += pause
        times += [clock.now] * drain(window, clock, waiting(high=high, low=low))
    assert all(sum(at - 61 < other <= at for other in times) <= 5 for at in times)


def test_low_is_paced_and_gets_its_turn_when_it_starves() -> None:
    clock = Clock()
    window = local(clock)
    assert window.take(waiting(low=1)).granted == LOW
    assert window.take(waiting(low=1)).wait == pytest.approx(0.36)
    clock.now += 0.4
    assert window.take(waiting(high=1, low=1, waited=6.0)).granted == HIGH
    clock.now += 7
    assert window.take(waiting(high=1, low=1, waited=6.2)).granted == LOW
    assert window.take(waiting(high=1, low=1, waited=6.2)).granted == HIGH


def test_no_place_no_token_and_nobody_asks_again_soon() -> None:
    verdict = local(Clock()).take(waiting(high=1, places=0))
    assert (verdict.granted, verdict.wait) == (None, 61.0)


def test_while_reddit_refuses_nobody_gets_a_token() -> None:
    clock = Clock()
    window = local(clock)
    window.blocked_until = clock.now + 30
    refused = window.take(waiting(high=1))
    assert (refused.granted, refused.wait, refused.hold) == (None, 30, 30)
    clock.now += 31
    assert window.take(waiting(high=1)).granted == HIGH


def test_the_wait_is_until_the_next_token_returns() -> None:
    clock = Clock()
    window = local(clock, limit=2)
    drain(window, clock, waiting(high=1))
    clock.now += 20
    assert window.take(waiting(high=1)).wait == pytest.approx(41)


def test_position_counts_the_better_and_the_earlier_everywhere() -> None:
    here = Census((0, 3, 2, 9))
    others = (Census((1, 1, 4, 0)), Census((0, 0, 1, 7)))
    assert position(HIGH, 0, here, others) == 1 + 1
    assert position(HIGH, 2, here, others) == 2 + 1 + 1 + 1
    assert position(NORMAL, 1, here, others) == 3 + 1 + 2 + 1 + 1 + 1
    assert position(LOW, 8, here, others) == 5 + 8 + 6 + (1 + 7) + 1


RETURNS = tuple(float(i) for i in range(10, 20))


@pytest.mark.parametrize(
    ("place", "verdict", "paced", "seconds"),
    [
        (2, Verdict(None, 3, 3, span=61), False, 0),
        (4, Verdict(None, 3, 3, returns=RETURNS, span=61), False, 10),
        (13, Verdict(None, 3, 3, returns=RETURNS, span=61), False, 19),
        (14, Verdict(None, 3, 3, returns=RETURNS, span=61), False, 61),
        (16, Verdict(None, 3, 3, returns=RETURNS, span=61), False, 61),
        (17, Verdict(None, 3, 3, returns=RETURNS, span=61), False, 71),
        (11, Verdict(None, 0, 0, returns=RETURNS, span=61), False, 71),
        (1, Verdict(None, -2, -2, returns=RETURNS, span=61), False, 12),
        (1, Verdict(None, 0, 50, hold=120, returns=RETURNS, span=61), False, 120),
        (51, Verdict(None, 0, 50, hold=12, returns=RETURNS, span=61), False, 12),
        (60, Verdict(None, 0, 50, hold=12, returns=RETURNS, span=61), False, 19),
        (5, Verdict(None, 0, 5, hold=7, span=61), False, 7),
        (1, Verdict(None, 0, 0, span=61), False, 61),
        (3, Verdict(None, 9, 9, interval=0.5, pace=0.2, span=61), True, 1.2),
        (1, Verdict(None, 0, 0, returns=RETURNS, interval=0.5, pace=0.2, span=61), True, 10),
    ],
)
def test_estimates_follow_from_what_is_out(place: int, verdict: Verdict, paced: bool, seconds: float) -> None:
    assert estimate(place, verdict, paced=paced) == pytest.approx(seconds)
