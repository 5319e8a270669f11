"""The figures of `/stats`, from the windows of all replicas: a day, and the objective of thirty days."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from reddit_mcp.metering.call_statistics import CallStatistics
from reddit_mcp.metering.latency_buckets import quantile
from reddit_mcp.storage.accounting.call_windows import KEPT_DAYS, KEPT_WINDOWS, WINDOW_SECONDS, Counts

DAY_SECONDS = KEPT_WINDOWS * WINDOW_SECONDS
OBJECTIVE = 0.999
"""The share of calls that should not fail by us, over thirty days."""

BURN_SECONDS = 3600
"""The burn rate is that of the last hour: 1 uses up the budget in just thirty days."""

TOP = 10
Json = dict[str, Any]


class Summary:
    """What a window's counts, or the sum of several, come to."""

    def __init__(self, counts: Counts) -> None:
        self._kinds: dict[str, Counter[str]] = {}
        for name, times in counts.items():
            kind, _, what = name.partition(":")
            self._kinds.setdefault(kind, Counter())[what] = times

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return self.named("calls").total()

    @property
    def cache(self) -> Json:
        """Answers from the cache and others, and how old the former were."""
        hits, misses, age = self.number("hits"), self.number("misses"), self.number("age_seconds")
        return {
            "hits": hits,
            "misses": misses,
            "hit_rate": share(hits, hits + misses),
            "avg_age_seconds": round(age / hits, 1) if hits else None,
        }

    @property
    def overview(self) -> Json:
        """Calls, errors, refusals."""
        errors = self.named("errors").total()
        return {
            "total_requests": self.calls,
            "error_count": errors,
            "error_rate": share(errors, self.calls) or 0.0,
            "rate_limit_hits": self.named("refused").total(),
        }

    @property
    def latency(self) -> Json:
        """Three quantiles, in milliseconds."""
        found = {f"p{percent}_ms": self.quantile(percent / 100) for percent in (50, 95, 99)}
        return {name: None if value is None else round(value, 3) for name, value in found.items()}

    def quantile(self, part: float) -> float | None:
        """The duration in milliseconds that this part of the calls did not exceed."""
        return quantile({int(bucket): times for bucket, times in self.named("ms").items()}, part)

    def named(self, kind: str) -> Counter[str]:
        """The counters of a kind by name."""
        return self._kinds.get(kind, Counter())

    def number(self, kind: str) -> int:
        """A counter that has no names."""
        return self.named(kind)[""]


async def report(statistics: CallStatistics) -> Json:
    """Overview, latency, cache, tools, errors, callers refused most, a day in windows of five minutes, availability."""
    windows = await statistics.windows.windows()
    total, hour = Summary(recent(windows, 0)), recent(windows, statistics.windows.now() - BURN_SECONDS)
    return {
        "window_seconds": WINDOW_SECONDS,
        "overview": {**total.overview, "active_users": await statistics.windows.callers(DAY_SECONDS)},
        "latency": total.latency,
        "cache": total.cache,
        "requests_by_tool": dict(sorted(total.named("calls").items())),
        "errors_by_type": dict(sorted(total.named("errors").items())),
        "top_violators": [{"caller": who, "refused": times} for who, times in total.named("refused").most_common(TOP)],
        "slowest_calls": [asdict(call) for call in statistics.slowest],
        "series": _series(statistics, windows),
        "availability": availability(await statistics.windows.days(), hour),
    }


def of_days(counts: Counts) -> Counts:
    """What the objective needs of a window: calls, and those that failed by us."""
    return Counter(calls=Summary(counts).calls, faults=counts["faults"])


def recent(windows: Mapping[int, Counts], since: float) -> Counts:
    """The sum of the windows that began after this moment (seconds since 1970)."""
    total: Counts = Counter()
    for start, counts in windows.items():
        if start > since:
            total.update(counts)
    return total


def availability(days: Counts, hour: Counts) -> Json:
    """The share of calls that did not fail by us, what is left of the error budget, and how fast it is used now."""
    allowed, used = (1 - OBJECTIVE) * days["calls"], days["faults"]
    return {
        "days": KEPT_DAYS,
        "objective": OBJECTIVE,
        "availability": share(days["calls"] - used, days["calls"]),
        "error_budget": {
            "allowed": round(allowed, 3),
            "used": used,
            "remaining": round(1 - used / allowed, 4) if allowed else 1.0,
        },
        "burn_rate": round((share(hour["faults"], Summary(hour).calls) or 0.0) / (1 - OBJECTIVE), 3),
    }


def share(part: int, whole: int) -> float | None:
    """A part of a whole, if there is one."""
    return round(part / whole, 6) if whole else None


def _series(statistics: CallStatistics, windows: Mapping[int, Counts]) -> list[Json]:
    """A point for each window; those whose counts are the same as before are not worked out again."""
    known, latest = statistics.points, max(windows, default=0)
    for start, counts in windows.items():
        if start not in known or known[start][0] is not counts or start == latest:
            known[start] = counts, _point(start, counts)
    statistics.points = {start: known[start] for start in sorted(windows)}
    return [point for _, point in statistics.points.values()]


def _point(start: int, counts: Counts) -> Json:
    found = Summary(counts)
    hits, misses, faults = (found.number(kind) for kind in ("hits", "misses", "faults"))
    cache = {"cache_hits": hits, "cache_misses": misses}
    return {"start": start, **found.overview, **found.latency, **cache, "faults": faults}
