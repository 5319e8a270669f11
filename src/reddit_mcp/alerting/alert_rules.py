"""What is worth an operator's attention, from figures of the last minutes over all replicas."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["info", "warning", "error", "critical"]
RANK: dict[Severity, int] = {"info": 0, "warning": 1, "error": 2, "critical": 3}

LEAST_CALLS, LEAST_LOOKUPS, LEAST_TIMED = 100, 50, 20
"""Of fewer, a share or a quantile says nothing."""

FAST_BURN, SLOW_BURN = 14.4, 6.0
"""Times the rate that uses up the error budget in 30 days.

Source: https://sre.google/workbook/alerting-on-slos/ (2 % of the budget within an hour, 5 % within six).
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the rules look at: the last five to ten minutes, the last hour for `burn_rate`, the moment for the rest."""

    calls: int = 0
    faults: int = 0
    p95_ms: float | None = None
    lookups: int = 0
    hits: int = 0
    hour_calls: int = 0
    burn_rate: float = 0.0
    budget_utilization: float = 0.0
    queue_utilization: float = 0.0
    open_breakers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that holds; `metrics` are the figures that it holds by."""

    rule: str
    severity: Severity
    message: str
    metrics: dict[str, Any]


def findings(figures: Figures) -> Iterator[Finding]:
    """The rules that hold."""
    yield from _errors(figures)
    yield from _slowness(figures)
    yield from _misses(figures)
    yield from _limits(figures)
    if figures.open_breakers:
        names = ", ".join(figures.open_breakers)
        facts = {"breakers": list(figures.open_breakers)}
        yield Finding("circuit_breaker_open", "error", f"Circuit breakers are open: {names}.", facts)


def _errors(figures: Figures) -> Iterator[Finding]:
    rate = figures.faults / figures.calls if figures.calls else 0.0
    if figures.calls >= LEAST_CALLS and rate > 0.05:  # noqa: PLR2004 - the rule itself
        facts = {"error_rate": round(rate, 4), "calls": figures.calls}
        yield Finding("high_error_rate", "error", f"{rate:.1%} of {figures.calls} calls failed by us.", facts)
    if figures.hour_calls >= LEAST_CALLS and figures.burn_rate > SLOW_BURN:
        severity: Severity = "critical" if figures.burn_rate > FAST_BURN else "error"
        message = f"The error budget of 30 days is used up {figures.burn_rate:.1f} times too fast."
        yield Finding("error_budget_burn", severity, message, {"burn_rate": figures.burn_rate})


def _slowness(figures: Figures) -> Iterator[Finding]:
    if figures.p95_ms is not None and figures.calls >= LEAST_TIMED:
        severity = _graded(figures.p95_ms / 1000, 2, 5)
        if severity:
            message = f"One call in twenty takes longer than {figures.p95_ms / 1000:.1f} s."
            yield Finding("high_latency_p95", severity, message, {"p95_ms": round(figures.p95_ms, 1)})


def _misses(figures: Figures) -> Iterator[Finding]:
    if figures.lookups >= LEAST_LOOKUPS:
        rate = figures.hits / figures.lookups
        severity: Severity = "error" if rate < 0.5 else "warning"  # noqa: PLR2004 - the rule itself
        if rate < 0.6:  # noqa: PLR2004 - the rule itself
            facts = {"hit_rate": round(rate, 4), "lookups": figures.lookups}
            yield Finding("low_cache_hit_rate", severity, f"Only {rate:.0%} of answers come from the cache.", facts)


def _limits(figures: Figures) -> Iterator[Finding]:
    if severity := _graded(figures.budget_utilization, 0.8, 0.9):
        facts = {"utilization": figures.budget_utilization}
        message = f"{figures.budget_utilization:.0%} of the source's request budget is in use."
        yield Finding("rate_limit_high", severity, message, facts)
    if figures.queue_utilization > 0.8:  # noqa: PLR2004 - the rule itself
        facts = {"utilization": figures.queue_utilization}
        message = f"The request queue is {figures.queue_utilization:.0%} full."
        yield Finding("request_queue_full", "error", message, facts)


def _graded(value: float, warning: float, critical: float) -> Severity | None:
    return "critical" if value > critical else "warning" if value > warning else None
