"""`doctor`: is everything that the server needs there? One line each."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from reddit_mcp.actor.event_pricing import prices_of, terms
from reddit_mcp.actor.platform_client import open_client
from reddit_mcp.archive.archive_location import imported_archive
from reddit_mcp.data_source.archive_application import open_archive, reddit_application
from reddit_mcp.data_source.source_choice import choose
from reddit_mcp.errors import Failure, Unavailable
from reddit_mcp.settings import Settings
from reddit_mcp.storage.redis.durability import durability
from reddit_mcp.storage.redis.open_store import open_cache_store, open_store
from reddit_mcp.upstream.arctic_shift import Api
from reddit_mcp.upstream.reddit_api.praw_transport import PrawTransport

Check = Callable[[Settings], Awaitable[str]]


class Warned(str):
    """A check's line about what works, but not as well as it could."""

    __slots__ = ()


def doctor(settings: Settings) -> int:
    """Run every check; 1 when one fails."""
    failed = asyncio.run(_run(settings))
    return 1 if failed else 0


async def _run(settings: Settings) -> int:
    failed = 0
    for name, check in _checks(settings).items():
        try:
            found = await check(settings)
            line = f"{'warn ' if isinstance(found, Warned) else 'ok   '} {name}: {found}"
        except Failure as failure:
            failed += 1
            advice = (ADVICE.get(str(failure.data.get("reason")), ""), *getattr(failure, "__notes__", ()))
            line = " ".join(filter(None, (f"FAIL  {name}: {failure}", *advice)))
        sys.stdout.write(line + "\n")
    return failed


ADVICE = {
    "store_evicts": "Set maxmemory-policy noeviction, and REDIS_CACHE_URL to another Redis that may evict.",
    "reddit_credentials": "Check REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET at https://www.reddit.com/prefs/apps; "
    "Reddit approves no new application, nor a revoked one again. Without them the server answers from an archive.",
}

CLOSING = (
    "Register the application at developers.reddit.com/app-registration before 12 January 2027, or it loses access; "
    "in March 2027 Reddit's Data API closes to all."
)
"""What Reddit announced on 30 September 2026 (r/redditdev, r/modnews) to those who have an application."""


async def _redis(settings: Settings) -> str:
    async with open_store(settings) as store:
        seconds = await store.ping()
        keeps = await durability(store)
    if keeps.evicts:
        raise Unavailable(
            f"it evicts keys when its memory is full ({keeps.policy}); keys, quotas and watches would be lost.",
            reason="store_evicts",
        )
    if not settings.durable:
        return Warned(
            "on Apify without REDIS_URL nothing outlives the run: no keyword watches, no keys, and each run has "
            f"{settings.reddit_share} of {settings.reddit.qpm} Reddit requests a minute (APIFY_MAX_RUNS)"
        )
    where = "REDIS_URL" if settings.redis.url else "embedded"
    losing = "" if keeps.appends else ", but without an append-only file: a restart loses what it knows"
    return f"answers in {seconds * 1000:.1f} ms ({where}){losing}"


async def _cache(settings: Settings) -> str:
    if settings.redis.cache_url is None:
        return "cached answers go to the same Redis"
    async with open_store(settings) as store, open_cache_store(settings, store) as cached:
        return f"answers in {await cached.ping() * 1000:.1f} ms (REDIS_CACHE_URL)"


async def _reddit(settings: Settings) -> str:
    praw = PrawTransport(reddit_application(settings))
    try:
        await praw.sign_in()
    except Failure as failure:
        failure.add_note(CLOSING)
        raise
    finally:
        await praw.aclose()
    return Warned(f"the application's credentials are accepted. {CLOSING}")


async def _arctic_shift(settings: Settings) -> str:
    api = Api(settings.arctic_shift_url, settings.reddit.user_agent)
    try:
        if not await api.alive():
            raise Unavailable("Arctic Shift does not answer within two seconds; see ARCTIC_SHIFT_URL.")
    finally:
        await api.aclose()
    return f"Arctic Shift answers, for {settings.arctic_shift_qpm} requests a minute at most"


async def _archive(settings: Settings) -> str:
    with open_archive(imported_archive(settings)):
        return f"the archive {imported_archive(settings).name} answers"


async def _sample(_settings: Settings) -> str:
    return Warned("the bundled sample answers: all of it is invented")


SOURCES = {"reddit": _reddit, "arctic_shift": _arctic_shift, "archive": _archive, "sample": _sample}


async def _source(settings: Settings) -> str:
    choice = choose(settings)
    try:
        found = await SOURCES[choice.name](settings)
    except Unavailable:
        if not choice.or_sample:
            raise
        return Warned(f"it does not answer; until it does, the bundled sample of invented data answers ({choice.why})")
    line = f"{found} ({choice.why})"
    return Warned(line) if isinstance(found, Warned) else line


async def _billing(settings: Settings) -> str:
    run = settings.apify
    if run.run_id:
        async with open_client(run) as client:
            found = (await terms(client, run)).prices
    elif run.pricing:
        found = prices_of(run.pricing)
    else:
        return "no Apify run, so nothing is billed"
    if found is None:
        return Warned("the Actor is not pay-per-event: everything is served for nothing")
    return ", ".join(f"{name} ${price.normalize():f}" for name, price in sorted(found.items()))


def _checks(settings: Settings) -> dict[str, Check]:
    return {"redis": _redis, "cache": _cache, choose(settings).name: _source, "billing": _billing}
