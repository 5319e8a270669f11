"""What was called in a run of many accounts, in a dataset of the operator's account. Nothing says what was asked for.

In a run of one account the datasets are that account's own, and the operator's figures do not belong there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from reddit_mcp.errors import Unavailable
from reddit_mcp.event_wait import Repetition
from reddit_mcp.models import CallEvent
from reddit_mcp.observability.logs import logger

NAME = "reddit-mcp-usage"
EVERY_SECONDS = 5.0
LAST_WORD_SECONDS = 3.0
"""How long the last events are offered to the platform before the process ends."""

MOST_WAITING = 10_000
"""Events kept in memory while the platform is away; further ones are counted and lost."""

Push = Callable[[Sequence[Mapping[str, Any]]], Awaitable[None]]
"""Adds rows in one request."""


class UsageDataset:
    """Gathers events and writes them at most once in `every` seconds; an async context manager that writes the rest.

    A batch whose answer was lost is sent again, so a row may come twice; its `id` tells.
    """

    def __init__(self, push: Push, every: float = EVERY_SECONDS) -> None:
        self._push = push
        self._waiting: list[dict[str, Any]] = []
        self._lost = 0
        self._trouble = ""
        self._often = Repetition(lambda: self._write(every), every)
        self._log = logger(__name__)

    async def __aenter__(self) -> Self:
        self._often.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._often.end()
        await self._write(LAST_WORD_SECONDS)
        if lost := self._lost + len(self._waiting):
            self._log.error("usage_events_lost", events=lost)

    def note(self, event: CallEvent) -> None:
        """Take an event; it is written later."""
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        row = event.model_dump(mode="json")
        self._waiting.append({"id": uuid4().hex, **row, "charged": ",".join(event.charged)})

    async def check(self) -> str:
        """What `/health` says of it.

        Raises:
            Unavailable: the last rows were not taken.
        """
        if self._trouble:
            raise Unavailable(f"Apify's storage took no rows ({self._trouble}); {len(self._waiting)} wait.")
        return f"{len(self._waiting)} rows wait"

    async def _write(self, seconds: float) -> None:
        """Write all that waits in one request; what the platform does not take waits on."""
        batch = tuple(self._waiting)
        if not batch:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._push(batch)
        except Exception as error:  # noqa: BLE001 - the transport's errors have no base that the client names
            self._trouble = type(error).__name__
            self._log.warning("usage_events_wait", events=len(batch), lost=self._lost, reason=type(error).__name__)
        else:
            self._trouble = ""
            del self._waiting[: len(batch)]
