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


def of_days(counts: Counts) -> Counts:
    """What the objective needs of a window: calls, and those that failed by us."""
    return Counter(calls=calls_of(counts), faults=counts["faults"])


async def report(statistics: CallStatistics) -> Json:
    """Overview, latency, cache, tools, errors, callers refused most, a day in windows of five minutes, availability."""
    windows = await statistics.windows.windows()
    hour = recent(windows, statistics.windows.now() - BURN_SECONDS)
    total: Counts = Counter()
    for counts in windows.values():
        total.update(counts)
    overview = {**_overview(total), "active_users": await statistics.windows.callers(DAY_SECONDS)}
    return {
        "window_seconds": WINDOW_SECONDS,
        "overview": overview,
        "latency": _latency(total),
        "cache": _cache(total),
        "requests_by_tool": _named(total, "calls"),
        "errors_by_type": _named(total, "errors"),
        "top_violators": [{"caller": who, "refused": times} for who, times in _top(total)],
        "slowest_calls": [asdict(call) for call in statistics.slowest],
        "series": [_point(start, windows[start]) for start in sorted(windows)],
        "availability": availability(await statistics.windows.days(), hour),
    }


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
        "availability": _share(days["calls"] - used, days["calls"]),
        "error_budget": {
            "allowed": round(allowed, 3),
            "used": used,
            "remaining": round(1 - used / allowed, 4) if allowed else 1.0,
        },
        "burn_rate": round((_share(hour["faults"], calls_of(hour)) or 0.0) / (1 - OBJECTIVE), 3),
    }


def _overview(total: Counts) -> Json:
    calls, errors = calls_of(total), _sum(total, "errors")
    return {
        "total_requests": calls,
        "error_count": errors,
        "error_rate": _share(errors, calls) or 0.0,
        "rate_limit_hits": _sum(total, "refused"),
    }


def quantile_of(counts: Counts, share: float) -> float | None:
    """The duration in milliseconds that this share of calls did not exceed."""
    return quantile({int(number): times for number, times in _named(counts, "ms").items()}, share)


def _latency(counts: Counts) -> Json:
    found = {f"p{share:g}_ms": quantile_of(counts, share / 100) for share in (50, 95, 99)}
    return {name: None if value is None else round(value, 3) for name, value in found.items()}


def _cache(counts: Counts) -> Json:
    hits, misses = counts["hits"], counts["misses"]
    return {
        "hits": hits,
        "misses": misses,
        "hit_rate": _share(hits, hits + misses),
        "avg_age_seconds": round(counts["age_seconds"] / hits, 1) if hits else None,
    }


def _point(start: int, counts: Counts) -> Json:
    """One window of the series."""
    cache = _cache(counts)
    return {
        "start": start,
        **_overview(counts),
        **_latency(counts),
        "cache_hits": cache["hits"],
        "cache_misses": cache["misses"],
        "faults": counts["faults"],
    }


def _top(total: Counts) -> list[tuple[str, int]]:
    return Counter(_named(total, "refused")).most_common(TOP)


def _named(counts: Counts, kind: str) -> dict[str, int]:
    """The counters of a kind, without their prefix."""
    prefix = f"{kind}:"
    return {name[len(prefix) :]: times for name, times in sorted(counts.items()) if name.startswith(prefix)}


def _sum(counts: Counts, kind: str) -> int:
    return sum(_named(counts, kind).values())


def calls_of(counts: Counts) -> int:
    """How many calls were counted."""
    return _sum(counts, "calls")


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
