"""`actor`: a run on the Apify platform, a server in Standby mode and one job otherwise."""

import asyncio
import contextlib
import logging
import os
import signal
from functools import partial
from typing import NoReturn

from starlette.applications import Starlette

from reddit_mcp.actor.apify_billing import open_billing
from reddit_mcp.actor.dataset_rows import MatchRows
from reddit_mcp.actor.run_identity import account
from reddit_mcp.actor.run_lifecycle import ROW_EVENT, STOPPED, ActorRun
from reddit_mcp.actor.single_run import SELF_CHECK, work
from reddit_mcp.actor.usage_dataset import NAME, UsageDataset
from reddit_mcp.actor.watchdog import Watchdog
from reddit_mcp.app import build
from reddit_mcp.cli.http_listener import Server, bind
from reddit_mcp.cli.shutdown_signals import on_signals
from reddit_mcp.cli.tool_asking import asked
from reddit_mcp.container import open_container
from reddit_mcp.errors import Failure, Unavailable
from reddit_mcp.metering.billing_port import unbilled
from reddit_mcp.models import LOCAL
from reddit_mcp.observability import error_reports, logs, tracing
from reddit_mcp.observability.logs import logger
from reddit_mcp.settings import NO_DURABLE_STORE, Settings
from reddit_mcp.watches.polling.watch_polling import WatchPolling

DRAIN_SECONDS = 12
"""Less than elsewhere: what the server opened and the run itself have to end within the platform's time too."""


def run_actor(settings: Settings) -> int:
    """Run until the platform or a signal ends it, or the job is done; 1 when it failed.

    Raises:
        Failure: the platform cannot be reached, or something that the run needs cannot be opened.
    """
    logs.configure(settings.log.level, file=settings.log.file)
    error_reports.configure(settings)
    tracing.configure(settings)
    try:
        return asyncio.run(_run(settings))
    except SystemExit:  # a signal before it served; all is closed again
        _leave()


def _leave() -> NoReturn:
    """End at once: a request of the SDK's, under way in a thread that is not Python's, crashes an orderly end."""
    logging.shutdown()
    os._exit(0)


async def _run(settings: Settings) -> int:
    async with ActorRun() as run:
        if run.rows_are_billed:
            logger(__name__).warning("rows_are_billed", charged=ROW_EVENT)
        return await (_serve if settings.apify.origin == "STANDBY" else _job)(settings, run)


async def _serve(settings: Settings, run: ActorRun) -> int:
    async with contextlib.AsyncExitStack() as stack:
        who, observe, pings = account(settings), None, {}
        if settings.apify_tenancy == "multi":
            usage = await stack.enter_async_context(UsageDataset(await run.dataset(NAME)))
            observe, pings = usage.note, {"apify_storage": usage.check}
        app = build(settings, who, open_billing, observe, MatchRows(who.id, run.push), pings)
        failed = await _served(settings, run, app)
    run.end_with("The server stopped answering." if failed else STOPPED, failed=failed)
    return int(failed)


async def _served(settings: Settings, run: ActorRun, app: Starlette) -> bool:
    """Serve until something ends it; whether that was the watchdog."""
    listener = bind(settings.mcp_server_host, settings.mcp_server_port)
    server = Server(app, app.state.drain, DRAIN_SECONDS)
    run.when_ending(server.stop)
    async with app.router.lifespan_context(app):
        with Watchdog(listener.getsockname(), asyncio.get_running_loop(), server.stop) as watchdog:
            await server.serve(sockets=[listener])
    return watchdog.bitten


async def _job(settings: Settings, run: ActorRun) -> int:
    """Do the job of the input, for the one account that started it; what ends the process ends it too, in order."""
    settings = settings.model_copy(update={"apify_tenancy": "single"})
    _cancel_in_the_end(run)
    try:
        given, rows = await run.input(), MatchRows(_owner(settings), run.push)
        is_paid = settings.apify.is_at_home and given.get("job", SELF_CHECK) != SELF_CHECK
        async with open_container(settings, open_billing if is_paid else unbilled, delivery=rows) as server:
            tick = partial(_tick, settings, server.polling, rows)
            return int(not await work(run, given, partial(asked, server.mcp), tick))
    except Failure as failure:
        run.end_with(str(failure), failed=True)
    except asyncio.CancelledError:
        run.end_with("The run was ended before its job was done.", failed=True)
    return 1


def _cancel_in_the_end(run: ActorRun) -> None:
    """Cancel the present task when the platform ends the run, or a signal the process."""
    task = asyncio.current_task()
    if task is not None:
        run.when_ending(task.cancel)
        on_signals(task.cancel, signal.SIGTERM)


def _owner(settings: Settings) -> str:
    return account(settings).id if settings.apify.is_at_home else LOCAL.id


async def _tick(settings: Settings, polling: WatchPolling, rows: MatchRows) -> int:
    """Check the watches that are due; how many matches of the run's account that found."""
    if not settings.durable:
        raise Unavailable(NO_DURABLE_STORE, reason="no_durable_store")
    await polling.poll()
    return rows.count
