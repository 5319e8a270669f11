"""The figures that alerts look at."""

import time
from collections import Counter

from reddit_mcp.alerting.alert_rules import Figures
from reddit_mcp.data_source.data_sources import DataSources
from reddit_mcp.metering.call_statistics import CallStatistics
from reddit_mcp.metering.statistics_report import BURN_SECONDS, availability, calls_of, quantile_of, recent
from reddit_mcp.storage.accounting.call_windows import WINDOW_SECONDS, Counts


async def measured_figures(statistics: CallStatistics, outbound: DataSources, queue_max: int) -> Figures:
    """Calls of all replicas; the queue of this process, the budget and the breakers of all.

    Raises:
        Unavailable: Redis is away.
    """
    windows, now = await statistics.windows.windows(), time.time()
    lately, hour = recent(windows, now - 2 * WINDOW_SECONDS), recent(windows, now - BURN_SECONDS)
    reports = await outbound.breakers.reports()
    return Figures(
        calls=calls_of(lately),
        faults=lately["faults"],
        p95_ms=quantile_of(lately, 0.95),
        lookups=lately["hits"] + lately["misses"],
        hits=lately["hits"],
        hour_calls=calls_of(hour),
        burn_rate=availability(_none(), hour)["burn_rate"],
        budget_utilization=1 - outbound.tokens.remaining / outbound.tokens.capacity,
        queue_utilization=outbound.queue.depth / queue_max,
        open_breakers=[each.name for each in reports if each.state == "open" and ":" not in each.name],
    )


def _none() -> Counts:
    return Counter()
