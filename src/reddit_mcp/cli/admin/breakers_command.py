"""`breakers list` and `breakers reset NAME`: what every replica's circuit breakers are at, from the shared store."""

import asyncio
import sys

from reddit_mcp.settings import Settings
from reddit_mcp.storage import open_store
from reddit_mcp.storage.breakers.breaker_records import BreakerRecords
from reddit_mcp.storage.breakers.breaker_report import Report
from reddit_mcp.upstream.resilience import breaker_registry


def list_breakers(settings: Settings) -> int:
    """Print state, counts, times, statistics and the latest errors of every breaker.

    Raises:
        Unavailable: the store is away.
    """
    reports = asyncio.run(_reports(settings))
    for report in reports:
        sys.stdout.write("\n".join(_lines(report)) + "\n")
    if not reports:
        sys.stdout.write("no breaker has seen a request within the last week\n")
    return 0


def reset_breaker(settings: Settings, name: str) -> int:
    """Close a breaker on every replica and forget its counts.

    Raises:
        NotFound: there is no breaker of this name.
        Unavailable: the store is away.
    """
    report = asyncio.run(_reset(settings, name))
    sys.stdout.write(f"{report.name} is {report.state}; every replica hears of it within a second\n")
    return 0


async def _reports(settings: Settings) -> list[Report]:
    async with open_store(settings) as store:
        records = BreakerRecords(store)
        return [await records.report(name) for name in await records.names()]


async def _reset(settings: Settings, name: str) -> Report:
    async with open_store(settings) as store:
        return await breaker_registry.reset(BreakerRecords(store), name)


def _lines(report: Report) -> list[str]:
    numbers = report.statistics
    counts = f"{report.success_count} answered, {report.failure_count} failed"
    mean = "-" if numbers.avg_duration is None else f"{numbers.avg_duration:.3f} s"
    shares = f"errors {_share(numbers.error_rate)}, slow {_share(numbers.slow_request_rate)}, mean {mean}"
    return [
        f"{report.name}: {report.state} for {report.time_in_current_state:g} s",
        f"  {counts}, last failure {report.last_failure or 'never'}",
        f"  {numbers.total_requests} requests: success {_share(numbers.success_rate)}, {shares}",
        *(f"  {error.time} {error.type}: {error.message}" for error in report.recent_errors),
    ]


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"
