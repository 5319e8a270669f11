"""What is true at this moment: budget, queue, breakers, running calls; for `/stats`, and as gauges for `/metrics`."""

from typing import Any

from reddit_mcp import __version__
from reddit_mcp.data_source.data_sources import DataSources
from reddit_mcp.mcp_server.server import Accounts
from reddit_mcp.observability import metrics

ACTIVE_SECONDS = 300


def live_figures(outbound: DataSources, accounts: Accounts, queue_max: int) -> dict[str, Any]:
    """The figures of this process; the budget is that of all replicas."""
    left, capacity = min(outbound.tokens.remaining, outbound.tokens.capacity), outbound.tokens.capacity
    source, depth = outbound.active.name, outbound.queue.depth
    _write_gauges(source, left, capacity, accounts)
    metrics.gauge(metrics.QUEUE_DEPTH, depth)
    metrics.gauge(metrics.QUEUE_CAPACITY, queue_max)
    return {
        "source": {"name": source, "reason": outbound.active.why},
        "budget": {"tokens_available": left, "capacity": capacity, "utilization": round(1 - left / capacity, 4)},
        "queue": {"depth": depth, "capacity": queue_max},
        "breakers": [{"name": name, "state": state} for name, state in sorted(outbound.breakers.states().items())],
        "calls_running": accounts.in_flight.running,
    }


def _write_gauges(source: str, left: int, capacity: int, accounts: Accounts) -> None:
    for budget in (metrics.BUDGET_TOKENS, metrics.BUDGET_CAPACITY):
        metrics.drop(budget)  # of the source before
    metrics.gauge(metrics.BUDGET_TOKENS, left, source)
    metrics.gauge(metrics.BUDGET_CAPACITY, capacity, source)
    metrics.gauge(metrics.CALLS_RUNNING, accounts.in_flight.running)
    metrics.gauge(metrics.BUILD, 1, __version__)
    if accounts.statistics:
        metrics.gauge(metrics.CALLERS, accounts.statistics.windows.own_callers(ACTIVE_SECONDS))
