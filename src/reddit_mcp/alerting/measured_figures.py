"""The figures that alerts look at."""

import time
from collections import Counter

from reddit_mcp.alerting.alert_rules import Figures
from reddit_mcp.data_source.data_sources import DataSources
from reddit_mcp.metering.call_statistics import CallStatistics
from reddit_mcp.metering.statistics_report import BURN_SECONDS, Summary, availability, recent
from reddit_mcp.storage.accounting.call_windows import WINDOW_SECONDS


async def measured_figures(statistics: CallStatistics, outbound: DataSources, queue_max: int) -> Figures:
    """Calls of all replicas; the queue of this process, the budget and the breakers of all.

    Raises:
        Unavailable: Redis is away.
    """
    windows, now = await statistics.windows.windows(), time.time()
    lately, hour = Summary(recent(windows, now - 2 * WINDOW_SECONDS)), recent(windows, now - BURN_SECONDS)
    cache = lately.cache
    reports = await outbound.breakers.reports()
    return Figures(
        calls=lately.calls,
        faults=lately.number("faults"),
        p95_ms=lately.quantile(0.95),
        lookups=cache["hits"] + cache["misses"],
        hits=cache["hits"],
        hour_calls=Summary(hour).calls,
        burn_rate=availability(Counter(), hour)["burn_rate"],
        budget_utilization=1 - outbound.tokens.remaining / outbound.tokens.capacity,
        queue_utilization=outbound.queue.depth / queue_max,
        open_breakers=[each.name for each in reports if each.state == "open" and ":" not in each.name],
    )
