"""The open ways to data: the chosen source, the one that stands in for it, and the change from one to a better one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from reddit_mcp.archive.archive_location import imported_archive, sample_archive
from reddit_mcp.data_source.archive_application import archive_application, reddit_application
from reddit_mcp.data_source.source_choice import WITHOUT_ARCTIC_SHIFT, Choice, choose
from reddit_mcp.errors import Unavailable
from reddit_mcp.event_wait import wait_for_event
from reddit_mcp.observability.logs import logger
from reddit_mcp.settings import Settings
from reddit_mcp.storage.cache_only_switch import CacheOnlySwitch
from reddit_mcp.storage.limits.queue_tickets import QueueTickets
from reddit_mcp.storage.limits.request_budget import Census
from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.pubsub import PubSub
from reddit_mcp.upstream.arctic_shift import Api
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.pipeline import Analyses, Pipeline, Shared, open_pipeline
from reddit_mcp.upstream.rate_limit.request_queue import RequestQueue
from reddit_mcp.upstream.rate_limit.shared_budget import SharedBudget
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.source import SourceName
from reddit_mcp.upstream.source_switch import ActiveSource, StandIn, Switch, during_outage, what_is_missing
from reddit_mcp.upstream.transport import ARCHIVE_QPM, TITLES, arctic_transport, reddit_transport

LOOK_SECONDS = 40.0
"""Between two looks for Arctic Shift while the sample answers: with the look itself less than a minute."""

ONE_REQUEST = Census(waiting=(1, 0, 0, 0), places=1)


class DataSources:
    """What the rest of the server asks, whoever answers.

    Attributes:
        reddit: questions in Reddit's terms.
        findings: what is worked out from answers.
        active: who answers now, and why.
    """

    def __init__(self, shared: Shared, pipeline: Pipeline, active: ActiveSource) -> None:
        self.breakers = shared.breakers
        self.tickets = shared.tickets
        self.cache_only = shared.cache_only
        self.active = active
        self._pipeline = pipeline
        self.reddit = Reddit(Switch(lambda: self._pipeline.source))
        self.findings = Switch(lambda: self._pipeline.findings)

    @property
    def tokens(self) -> SharedBudget:
        """What is left of the budget of the source that answers."""
        return self._pipeline.tokens

    @property
    def queue(self) -> RequestQueue:
        """Where requests to the source that answers wait for its budget."""
        return self._pipeline.queue

    @property
    def outage(self) -> bool:
        """Whether the circuit breaker of the source that answers is open."""
        return self._pipeline.breaker.is_open

    def change(self, pipeline: Pipeline, name: SourceName, why: str) -> None:
        """Ask another source from now on; what is under way ends where it began."""
        self._pipeline = pipeline
        self.active.name, self.active.why = name, why
        logger(__name__).info("source_changed", source=name, reason=why)

    async def check(self) -> str:
        """What `/health` says of it; never asks the source itself, which would cost its budget.

        Raises:
            Unavailable: its circuit breaker is open.
        """
        title = TITLES[self.active.name]
        if self.outage:
            raise Unavailable(f"{title} keeps failing and is left in peace for a while.")
        return f"{title} answers: {self.active.why}."


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the ways to data are opened with; the stack closes them in the end."""

    stack: contextlib.AsyncExitStack
    shared: Shared
    settings: Settings
    api: Api


@contextlib.asynccontextmanager
async def open_data_sources(
    settings: Settings, store: Store, cached: Store, notices: PubSub, analyses: Analyses
) -> AsyncIterator[DataSources]:
    """Open the way to the source of the settings.

    Args:
        settings: which source, and the figures of each layer.
        store: the state that replicas share.
        cached: where answers are cached; it may evict.
        notices: where purges are heard.
        analyses: what is worked out from answers.

    Raises:
        Unavailable: the archive that is named is none.
    """
    async with contextlib.AsyncExitStack() as stack:
        breakers = BreakerRegistry(store, settings.breaker)
        stack.push_async_callback(breakers.aclose)
        cache_only = await stack.enter_async_context(CacheOnlySwitch(store))
        shared = Shared(settings, store, cached, notices, breakers, QueueTickets(store), analyses, cache_only)
        api = Api(settings.arctic_shift_url, settings.reddit.user_agent, settings.reddit.timeout)
        stack.push_async_callback(api.aclose)
        yield await _sources(_Opened(stack, shared, settings, api), choose(settings))


async def _sources(opened: _Opened, choice: Choice) -> DataSources:
    active = ActiveSource(choice.name, choice.why)
    if not choice.or_sample:
        return DataSources(opened.shared, await _with_stand_in(opened, choice.name), active)
    arctic = await _pipeline(opened, "arctic_shift")
    if await _look(opened.api, arctic.tokens):
        return DataSources(opened.shared, arctic, active)
    active = ActiveSource("sample", WITHOUT_ARCTIC_SHIFT)
    sources = DataSources(opened.shared, await _pipeline(opened, "sample"), active)
    await opened.stack.enter_async_context(_following(sources, opened.api, arctic, choice))
    return sources


async def _with_stand_in(opened: _Opened, name: SourceName) -> Pipeline:
    first = await _pipeline(opened, name)
    if opened.settings.fallback_source is None or name not in ("reddit", "archive"):
        return first
    second = await _pipeline(opened, opened.settings.fallback_source)
    outage = name == "reddit"
    lacks = during_outage(lambda: first.breaker.is_open) if outage else what_is_missing
    remark = f"{TITLES[name]} {'is unavailable' if outage else 'lacks this'}: Arctic Shift, a public archive, answered."
    return replace(
        first,
        source=StandIn(first.source, second.source, lacks, remark),
        findings=StandIn(first.findings, second.findings, lacks, remark),
    )


async def _pipeline(opened: _Opened, name: SourceName) -> Pipeline:
    enter, settings = opened.stack.enter_async_context, opened.settings
    if name == "arctic_shift":
        transport = arctic_transport(opened.api, settings.arctic_shift_url, settings.arctic_shift_qpm)
    elif name == "reddit":
        application, limit = reddit_application(settings), settings.reddit_share
        transport = await enter(reddit_transport(name, application, limit, opened.shared.breakers))
    else:
        path = await asyncio.to_thread({"archive": imported_archive, "sample": sample_archive}[name], settings)
        application = opened.stack.enter_context(archive_application(settings, path))
        transport = await enter(reddit_transport(name, application, ARCHIVE_QPM, opened.shared.breakers))
    return await enter(open_pipeline(opened.shared, transport))


@contextlib.asynccontextmanager
async def _following(sources: DataSources, api: Api, pipeline: Pipeline, choice: Choice) -> AsyncIterator[None]:
    """Look for the chosen source in the background, and change to it when it answers."""
    closing = asyncio.Event()

    async def follow() -> None:
        while not await wait_for_event(closing, LOOK_SECONDS):
            if await _look(api, pipeline.tokens):
                sources.change(pipeline, choice.name, choice.why)
                return

    task = asyncio.create_task(follow())
    try:
        yield
    finally:
        closing.set()  # Python 3.11's `wait_for`, which redis-py sends by, may swallow a cancellation
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _look(api: Api, tokens: SharedBudget) -> bool:
    """Whether Arctic Shift answers; a look is a request, and takes a token as every other."""
    verdict, _, _ = await tokens.take(ONE_REQUEST)
    if verdict.granted is None:
        return True  # the other replicas use all of its budget, so it answers them
    return await api.alive()
