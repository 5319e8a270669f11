"""`worker`: background jobs (the checks of watches, their webhooks) without a server."""

import asyncio
import signal
import sys

from reddit_mcp.cli.shutdown_signals import on_signals
from reddit_mcp.container import open_container
from reddit_mcp.observability import error_reports, logs, tracing
from reddit_mcp.settings import Settings


def work(settings: Settings) -> None:
    """Do what is due until SIGTERM or SIGINT, then finish what runs.

    Raises:
        Failure: something that the jobs need cannot be opened.
    """
    logs.configure(settings.log.level, file=settings.log.file)
    error_reports.configure(settings)
    tracing.configure(settings)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    ended = asyncio.Event()
    on_signals(ended.set, signal.SIGTERM, signal.SIGINT)
    async with open_container(settings):
        sys.stdout.write("mcp-for-reddit does background jobs\n")
        sys.stdout.flush()
        await ended.wait()
