"""`doctor`: is everything that the server needs there? One line each."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from reddit_mcp.app import reddit_application
from reddit_mcp.archive.home import archive_path
from reddit_mcp.errors import Failure
from reddit_mcp.reddit.praw import Praw
from reddit_mcp.settings import Settings
from reddit_mcp.storage.open import open_store

Check = Callable[[Settings], Awaitable[str]]


def doctor(settings: Settings) -> int:
    """Run every check; 1 when one fails."""
    failed = asyncio.run(_run(settings))
    return 1 if failed else 0


async def _run(settings: Settings) -> int:
    failed = 0
    for name, check in (("redis", _redis), ("reddit", _reddit)):
        try:
            line = f"ok    {name}: {await check(settings)}"
        except Failure as failure:
            failed += 1
            line = f"FAIL  {name}: {failure} {ADVICE.get(str(failure.data.get('reason')), '')}".rstrip()
        sys.stdout.write(line + "\n")
    return failed


ADVICE = {
    "reddit_credentials": "Check REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET at https://www.reddit.com/prefs/apps; "
    "a revoked application must be approved by Reddit again. Without them the server answers from an archive.",
}


async def _redis(settings: Settings) -> str:
    async with open_store(settings) as store:
        seconds = await store.ping()
    return f"answers in {seconds * 1000:.1f} ms ({'REDIS_URL' if settings.redis_url else 'embedded'})"


async def _reddit(settings: Settings) -> str:
    if settings.archive_mode:
        return f"no credentials; answering from the archive {archive_path(settings).name}"
    praw = Praw(reddit_application(settings))
    try:
        await praw.sign_in()
    finally:
        await praw.aclose()
    return "the application's credentials are accepted"
