"""`keys usage`: what callers did in the last 31 days, day by day, and what is left of their quotas."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from reddit_mcp.errors import NotFound
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.settings import Settings

Report = dict[str, Any]


def register(actions: "argparse._SubParsersAction[Any]") -> None:
    """Add `usage` to the actions of `keys`."""
    parser = actions.add_parser("usage", help="show calls, errors, charged events and quota left, per day")
    parser.add_argument("--user", help="of one user; unset = of everybody who called")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the action that `register` parsed; 0, for every failure is raised.

    Raises:
        Failure: nobody of this name called or has a key, or the store is away.
    """
    reports = asyncio.run(_reports(settings, arguments.user))
    if arguments.json:
        text = json.dumps(reports, indent=2)
    else:
        text = "\n\n".join("\n".join(_lines(report)) for report in reports) or "nobody called in the last 31 days"
    sys.stdout.write(text + "\n")
    return 0


async def _reports(settings: Settings, user: str | None) -> list[Report]:
    # late, so that other commands start without the store's and the server's libraries
    from reddit_mcp.http.routes.usage_routes import report
    from reddit_mcp.metering.call_quota import CallQuota
    from reddit_mcp.storage.accounting.usage_records import UsageRecords
    from reddit_mcp.storage.api_keys.key_records import KeyRecords
    from reddit_mcp.storage.limits.quota_counters import QuotaCounters
    from reddit_mcp.storage.redis.open_store import open_store
    from reddit_mcp.tiers import read_tiers

    async with open_store(settings) as store:
        usage, quota = (
            UsageRecords(store),
            CallQuota(QuotaCounters(store), read_tiers(settings.tiers), settings.rate_limit_mode, _one),
        )
        now = time.time()
        keys = sorted((stored.record for stored in await KeyRecords(store).read_all()), key=lambda key: key.created_utc)
        tiers = {key.user: key.tier for key in sorted(keys, key=lambda key: key.works(now))}
        names = [user] if user else await usage.callers()
        reports = [await report(usage, quota, Caller(id=name, tier=_tier(name, tiers))) for name in names]
    if user and user not in tiers and not reports[0]["days"]:
        raise NotFound(f"Nobody named {user} has a key or called in the last 31 days.", resource="user")
    return reports


def _one() -> int:
    return 1


def _tier(name: str, tiers: dict[str, str]) -> str:
    """The tier of the user's newest key that works; strangers have none, nor has the one local caller."""
    if name == LOCAL.id:
        return LOCAL.tier
    return tiers.get(name, "anonymous")


def _lines(report: Report) -> Iterator[str]:
    yield f"{report['user']} ({report['tier']})"
    yield f"  left: {_left(report['quota'])}"
    days = [(day["date"], *map(_sum, (day["calls"], day["errors"], day["charged"]))) for day in report["days"]]
    for date, *numbers in [("day", "calls", "errors", "charged"), *days]:
        yield f"  {date:<10}" + "".join(f"{number:>9}" for number in numbers)


def _left(windows: Iterable[Report] | None) -> str:
    if windows is None:
        return "no limit"
    return ", ".join(f"{window['remaining']:,} of {window['limit']:,} this {window['window']}" for window in windows)


def _sum(counts: dict[str, int]) -> str:
    return f"{sum(counts.values()):,}"
