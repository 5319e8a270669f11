"""Telling callers about their queued requests: those who wait at once, those who went away through their notices."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Literal

from reddit_mcp.errors import Failure, Unavailable
from reddit_mcp.storage.limits.queue_tickets import Notice, QueueTickets
from reddit_mcp.upstream.rate_limit.priority_queue import Waiter
from reddit_mcp.upstream.single_flight.call_context import Ticket

SHORT_SECONDS = 1.0
"""Nobody is told of a shorter wait."""

RENEW_SECONDS = 5.0


class QueueNotices:
    """What each queued request's callers have been told."""

    def __init__(self, tickets: QueueTickets) -> None:
        self._tickets = tickets
        self._told: dict[Waiter, tuple[float, tuple[str, ...]]] = {}

    async def update(self, waiters: Iterable[Waiter]) -> None:
        """Tell how long each now has to wait; its notice is written when it is new, aged, or has a new reader."""
        now = asyncio.get_running_loop().time()
        due = []
        for waiter in waiters:
            ticket = waiter.ticket
            if ticket is None or (ticket.estimated_wait < SHORT_SECONDS and waiter not in self._told):
                continue
            if waiter.flight:
                waiter.flight.announce(ticket)
            told, owners = self._told.get(waiter, (0.0, ()))
            if now - told > RENEW_SECONDS or owners != _owners(waiter):
                self._told[waiter] = (now, _owners(waiter))
                due.append(_queued(waiter, ticket))
        await self._write(due)

    async def started(self, waiter: Waiter) -> None:
        """It is being worked on."""
        if waiter in self._told:
            await self._write([_notice(waiter, "processing", "Your request is being worked on.")])

    async def ended(self, waiter: Waiter, failure: Failure | None) -> None:
        """It is done, or will not be."""
        if self._told.pop(waiter, None) is None:
            return
        if failure is None:
            notice = _notice(waiter, "completed", "Your request is done; repeat the call to get its answer.")
        else:
            notice = _notice(waiter, "failed", str(failure))
        await self._write([notice])

    async def _write(self, notices: list[Notice]) -> None:
        # Without Redis nobody can read them either; those who wait are told all the same.
        with contextlib.suppress(Unavailable):
            if notices:
                await self._tickets.write(notices)


def _owners(waiter: Waiter) -> tuple[str, ...]:
    joined = waiter.flight.callers if waiter.flight else set()
    return tuple(sorted({waiter.caller, *joined}))


def _queued(waiter: Waiter, ticket: Ticket) -> Notice:
    place, wait = ticket.position, ticket.estimated_wait
    sentence = f"Your request is queued at position {place}; repeat the call in {max(1, round(wait))} seconds."
    return Notice(waiter.request_id, "queued", _owners(waiter), place, wait, sentence)


def _notice(waiter: Waiter, status: Literal["processing", "completed", "failed"], sentence: str) -> Notice:
    return Notice(waiter.request_id, status, _owners(waiter), message=sentence)
