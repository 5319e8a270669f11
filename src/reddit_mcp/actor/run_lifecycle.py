"""A run of the Actor, from its beginning on the platform to its end.

The SDK keeps the run in global places, so there is one a process. Its `charge` is not used (see `billing`), its log
handlers neither: ours take out secrets.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from apify import Actor, Event

from reddit_mcp.actor.dataset_rows import Row
from reddit_mcp.actor.usage_dataset import Push
from reddit_mcp.errors import Failure, Unavailable
from reddit_mcp.observability.logs import logger

BEGIN_SECONDS = 12.0
END_SECONDS = 3.0
"""How long the platform may take with a run that begins, and with one that ends."""

CALL_SECONDS = 5.0
"""How long it may take with anything small in between."""

STOPPED = "Stopped."
"""The last word of a run that was told to end."""

ROW_EVENT = "apify-default-dataset-item"
"""What the platform charges by itself for a row of the default dataset, where the Actor's pricing says so."""


class ActorRun:
    """The run that this process is; an async context manager from its beginning to its end."""

    def __init__(self) -> None:
        self._log = logger(__name__)
        self._actor = Actor(
            configure_logging=False,
            exit_process=False,
            event_listeners_timeout=timedelta(seconds=1),
            cleanup_timeout=timedelta(seconds=END_SECONDS),
        )

    async def __aenter__(self) -> Self:
        """Begin.

        Raises:
            Unavailable: the platform's API or its events cannot be reached in time, or refuse this run.
        """
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                await self._actor.init()
        except Exception as error:
            self._log.exception("run_not_begun")
            raise Unavailable(
                f"The Apify platform's API cannot be reached, so the run cannot begin ({type(error).__name__}).",
                service="apify_api",
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self.end_with(str(error) if isinstance(error, Failure) else "The run broke off.", failed=True)
        elif error is not None:  # a signal before it served
            self.end_with(STOPPED)
        await self._actor.__aexit__(None, None, None)

    def when_ending(self, stop: Callable[[], object]) -> None:
        """Call `stop` when the platform moves the run elsewhere or ends it; the SDK itself does not stop then."""

        async def ending(data: object) -> None:
            self._log.info("run_is_ending", kind=type(data).__name__)
            stop()

        self._actor.on(Event.MIGRATING, ending)
        self._actor.on(Event.ABORTING, ending)

    async def input(self) -> dict[str, Any]:
        """What the run was started with; empty without an input.

        Raises:
            Unavailable: the platform does not give it.
        """
        given = await _bounded(self._actor.get_input())
        return given if isinstance(given, dict) else {}

    async def push(self, rows: Sequence[Row]) -> None:
        """Add rows to the run's default dataset, which belongs to the run's owner.

        Raises:
            Unavailable: the platform does not take them.
        """
        await _bounded(self._actor.push_data([dict(row) for row in rows]))

    async def say(self, message: str) -> None:
        """Show how far the run is; a platform that does not listen holds nothing up."""
        with contextlib.suppress(Unavailable):
            await _bounded(self._actor.set_status_message(message))

    async def dataset(self, name: str) -> Push:
        """A dataset of the run's account that outlives the run; made when there is none.

        Raises:
            Unavailable: the platform does not give it.
        """
        client = self._actor.new_client(max_retries=0)
        found = await _bounded(client.datasets().get_or_create(name=name))

        async def push(rows: Sequence[Mapping[str, Any]]) -> None:
            await client.dataset(found.id).push_items(list(rows))

        return push

    def end_with(self, message: str, *, failed: bool = False) -> None:
        """What the run says in the end."""
        self._actor.status_message = message
        self._actor.exit_code = int(failed)

    @property
    def rows_are_billed(self) -> bool:
        """Whether the platform charges the run's account for each row of the default dataset."""
        prices = self._actor.get_charging_manager().get_pricing_info().per_event_prices
        return prices.get(ROW_EVENT, 0) > 0


async def _bounded(work: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(CALL_SECONDS):
            return await work
    except Exception as error:
        raise Unavailable(
            f"The Apify platform's API does not answer ({type(error).__name__}).", service="apify_api"
        ) from error
