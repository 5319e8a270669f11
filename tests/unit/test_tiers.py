"""The table of tiers, and what TIERS may change in it."""

import json

import pytest
from pydantic import ValidationError

from reddit_mcp.settings import Settings
from reddit_mcp.tiers import Tier, read_tiers

CONTRACT = {
    "anonymous": (10, 100, 300, 1_000, 1, 60),
    "free": (10, 300, 2_000, 10_000, 3, 30),
    "pro": (50, 2_000, 10_000, 100_000, 25, 10),
    "paid": (50, 2_000, 10_000, 100_000, 25, 10),
    "business": (300, 12_000, 100_000, 2_000_000, 200, 5),
    "enterprise": (None, None, None, None, 1_000, 5),
    "unlimited": (None, None, None, None, 1_000, 5),
}


def figures(tier: Tier) -> tuple[int | None, ...]:
    return (tier.minute, tier.hour, tier.day, tier.month, tier.watches, tier.shortest_interval)


@pytest.mark.parametrize("name", CONTRACT)
def test_the_table(name: str) -> None:
    tier = read_tiers("").named(name)
    assert figures(tier) == CONTRACT[name]
    assert tier.unlimited == (name in ("enterprise", "unlimited"))


def test_a_tier_that_is_gone_is_the_free_one() -> None:
    assert figures(read_tiers("").named("gold")) == CONTRACT["free"]


def test_one_figure_changes_and_the_others_stay() -> None:
    tiers = read_tiers('{"free": {"minute": 20}, "anonymous": {"month": null}}')
    assert figures(tiers.named("free")) == (20, *CONTRACT["free"][1:])
    assert tiers.named("anonymous").month is None
    assert figures(tiers.named("pro")) == CONTRACT["pro"]


def test_the_alias_names_the_same_tier() -> None:
    assert read_tiers('{"paid": {"minute": 60}}').named("pro").minute == 60


def test_one_limited_window_is_a_limit() -> None:
    assert not read_tiers('{"enterprise": {"month": 5000000}}').named("enterprise").unlimited


def test_weights() -> None:
    tiers = read_tiers('{"weights": {"search_reddit": 2}}')
    assert (tiers.weight("search_reddit"), tiers.weight("get_user_info")) == (2, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "JSON|Expecting"),
        ("[]", "must be a JSON object of tiers"),
        ('{"fre": {"minute": 20}}', "no tier 'fre'; there are anonymous, free, pro"),
        ('{"unlimited": {"minute": 20}}', "no tier 'unlimited'"),
        ('{"free": {"second": 1}}', "second: .*figures are minute, hour, day, month, watches, shortest_interval"),
        ('{"free": {"minute": 0}}', "minute: .*greater than or equal to 1"),
        ('{"free": {"minute": 100000001}}', "minute: .*less than or equal to 100000000"),
        ('{"free": {"shortest_interval": 1}}', "shortest_interval: "),
        ('{"free": 20}', "each tier must be a JSON object"),
        ('{"weights": {"search_reddit": -5}}', "weights.search_reddit: "),
        ('{"weights": 3}', "weights: "),
        ('{"weights": {"search_reddit": 11}}', "a weight of 11 is more than a minute of the tier anonymous holds"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_tiers(text)


def test_the_setting_is_checked_at_the_start() -> None:
    with pytest.raises(ValidationError, match="no tier 'fre'"):
        Settings(_env_file=None, tiers=json.dumps({"fre": {}}))
