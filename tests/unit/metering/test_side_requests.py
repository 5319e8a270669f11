"""Requests that cost no quota have a bucket of their own."""

import pytest

from reddit_mcp.errors import RateLimited
from reddit_mcp.metering.side_requests import SideRequests
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.tiers import read_tiers


@pytest.mark.parametrize(("tier", "limit"), [("anonymous", 100), ("free", 100), ("pro", 500)])
def test_ten_times_the_calls_of_a_minute(tier: str, limit: int) -> None:
    side, caller = SideRequests(read_tiers("")), Caller(id="ann", tier=tier)
    for _ in range(limit):
        side.take(caller)
    with pytest.raises(RateLimited) as refused:
        side.take(caller)
    assert refused.value.data["quota_limit"] == limit
    assert refused.value.data["retry_after_seconds"] >= 1
    side.take(Caller(id="bea", tier=tier))


def test_sixty_at_least() -> None:
    side, caller = SideRequests(read_tiers('{"free": {"minute": 1}}')), Caller(id="ann", tier="free")
    for _ in range(60):
        side.take(caller)
    with pytest.raises(RateLimited):
        side.take(caller)


@pytest.mark.parametrize("caller", [LOCAL, Caller(id="big", tier="enterprise")])
def test_callers_without_a_quota_have_no_bucket(caller: Caller) -> None:
    side = SideRequests(read_tiers(""))
    for _ in range(5_000):
        side.take(caller)
