"""When a rule holds, and how badly."""

import pytest

from reddit_mcp.alerting.alert_rules import Figures, findings


def found(figures: Figures) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in findings(figures)]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (Figures(), []),
        (Figures(calls=99, faults=99), []),
        (Figures(calls=100, faults=5), []),
        (Figures(calls=100, faults=6), [("high_error_rate", "error")]),
        (Figures(hour_calls=99, burn_rate=1000), []),
        (Figures(hour_calls=100, burn_rate=6), []),
        (Figures(hour_calls=100, burn_rate=6.1), [("error_budget_burn", "error")]),
        (Figures(hour_calls=100, burn_rate=14.5), [("error_budget_burn", "critical")]),
        (Figures(calls=19, p95_ms=9000), []),
        (Figures(calls=20, p95_ms=2000), []),
        (Figures(calls=20, p95_ms=2001), [("high_latency_p95", "warning")]),
        (Figures(calls=20, p95_ms=5001), [("high_latency_p95", "critical")]),
        (Figures(lookups=49), []),
        (Figures(lookups=50, hits=30), []),
        (Figures(lookups=50, hits=29), [("low_cache_hit_rate", "warning")]),
        (Figures(lookups=50, hits=24), [("low_cache_hit_rate", "error")]),
        (Figures(budget_utilization=0.8), []),
        (Figures(budget_utilization=0.81), [("rate_limit_high", "warning")]),
        (Figures(budget_utilization=0.91), [("rate_limit_high", "critical")]),
        (Figures(queue_utilization=0.8), []),
        (Figures(queue_utilization=0.81), [("request_queue_full", "error")]),
        (Figures(open_breakers=["reddit"]), [("circuit_breaker_open", "error")]),
    ],
)
def test_a_rule_holds_from_its_figure_on(figures: Figures, expected: list[tuple[str, str]]) -> None:
    assert found(figures) == expected


def test_all_rules_may_hold_at_once() -> None:
    figures = Figures(
        calls=100,
        faults=100,
        p95_ms=1e6,
        lookups=100,
        hour_calls=100,
        burn_rate=1000,
        budget_utilization=1,
        queue_utilization=1,
        open_breakers=["reddit", "apify_api"],
    )
    assert len({rule for rule, _ in found(figures)}) == 7
    assert all(finding.metrics and finding.message.endswith(".") for finding in findings(figures))
