"""How charges come home: at once where a caller's request has to pay, later if need be where the run's account does.

Either way an idempotency key is fixed before the first attempt and never changes, so nothing is charged twice within
the platform's window; after the window nothing is sent again.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Protocol, Self

from reddit_mcp.actor.charge_api import Charge, ChargeApi, Outcome
from reddit_mcp.actor.charge_limit import ChargeLimit
from reddit_mcp.errors import Unavailable
from reddit_mcp.event_wait import wait_for_event
from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.accounting.charge_ledger import ChargeLedger, Intent

SETTLE_SECONDS = 5.0
"""How often unsettled charges are sent again."""

WINDOW_SECONDS = 170.0
"""How long: the platform forgets a key after 180 s, and an attempt takes up to 3 s."""

LAST_SECONDS = 5.0
"""How long settling may hold up the end of the process."""

AT_ONCE = 16
"""Old charges sent at once; the other places are for calls."""

Noted = Callable[[str, str], None]
"""Counts an event that was charged, for a caller."""


class Collector(Protocol):
    """Sends charges."""

    async def collect(self, caller: str, charges: Sequence[Charge]) -> Sequence[Outcome]:
        """Charge all of them, and say what is known of each."""
        ...

    def is_good(self, outcome: Outcome) -> bool:
        """Whether an answer may go out on it."""
        ...


class Immediate:
    """For runs that many accounts share: a charge is booked while its request is in flight, or never."""

    def __init__(self, api: ChargeApi, budget: ChargeLimit, noted: Noted) -> None:
        self._api = api
        self._budget = budget
        self._noted = noted

    async def collect(self, caller: str, charges: Sequence[Charge]) -> Sequence[Outcome]:
        """Charge all of them; what may have been booked stays taken of the budget."""
        outcomes = await asyncio.gather(*(self._api.charge(charge) for charge in charges))
        for charge, outcome in zip(charges, outcomes, strict=True):
            if outcome is Outcome.BOOKED:
                self._noted(caller, charge.event)
            elif outcome is not Outcome.UNKNOWN:
                self._budget.give_back(self._budget.cost([charge.event]))
        return outcomes

    def is_good(self, outcome: Outcome) -> bool:
        """Only a booked charge."""
        return outcome is Outcome.BOOKED


class Settling:
    """For runs of one account: what the platform does not take now is in the ledger, and is sent again.

    An async context manager: it takes over what an earlier process of the run left, settles in the background, and once
    more in the end.
    """

    def __init__(
        self,
        api: ChargeApi,
        budget: ChargeLimit,
        noted: Noted,
        ledger: ChargeLedger,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._budget = budget
        self._noted = noted
        self._ledger = ledger
        self._now = now
        self._pending: dict[str, Intent] = {}
        self._settled: set[str] = set()
        self._started = now()
        self._knows_past = False
        self._closing = asyncio.Event()
        self._log = logger(__name__)

    async def __aenter__(self) -> Self:
        self._clearing = asyncio.create_task(self._clear())
        self._task = asyncio.create_task(self._settle_often())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._closing.set()
        await asyncio.gather(self._task, self._clearing)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await self.settle()
        if self.pending:
            self._log.error("charges_unsettled", charges=self.pending)

    @property
    def pending(self) -> int:
        """Charges whose fate is not known yet."""
        return len(self._pending)

    async def collect(self, caller: str, charges: Sequence[Charge]) -> Sequence[Outcome]:
        """Write them down, then charge them; what cannot be booked now is pending."""
        intents = [Intent(charge.key, charge.event, caller, self._now()) for charge in charges]
        with contextlib.suppress(Unavailable):  # without Redis a crash within this second may lose them
            await self._ledger.write(intents)
        outcomes = await asyncio.gather(*(self._api.charge(charge) for charge in charges))
        for intent, outcome in zip(intents, outcomes, strict=True):
            self._book(intent, outcome)
        if self._clearing.done():  # nobody waits for it: forgotten by a crash, it costs a repeat with the same key
            self._clearing = asyncio.create_task(self._clear())
        return outcomes

    def is_good(self, outcome: Outcome) -> bool:
        """Whatever is not refused will be booked."""
        return outcome in (Outcome.BOOKED, Outcome.UNKNOWN, Outcome.UNSENT)

    async def settle(self) -> None:
        """Send again what is pending, and write off what is too old; stops when the platform does not answer."""
        await self._take_over()
        self._write_off()
        waiting = list(self._pending.values())
        for at in range(0, len(waiting), AT_ONCE):
            some = waiting[at : at + AT_ONCE]
            outcomes = await asyncio.gather(*(self._api.charge(Charge(it.event, it.key)) for it in some))
            for intent, outcome in zip(some, outcomes, strict=True):
                self._book(intent, outcome)
            if not any(map(_is_final, outcomes)):
                break
        await self._clear()

    def _book(self, intent: Intent, outcome: Outcome) -> None:
        if not _is_final(outcome):
            self._pending[intent.key] = intent
            return
        self._pending.pop(intent.key, None)
        self._settled.add(intent.key)
        if outcome is Outcome.BOOKED:
            self._noted(intent.caller, intent.event)
        else:
            self._budget.give_back(self._budget.cost([intent.event]))

    async def _take_over(self) -> None:
        """Once, when Redis answers: what an earlier process of this run left. Perhaps charged, it is taken already."""
        if self._knows_past:
            return
        with contextlib.suppress(Unavailable):
            left = [intent for intent in await self._ledger.intents() if intent.at < self._started]
            self._knows_past = True
            self._pending.update({intent.key: intent for intent in left})
            self._budget.taken += self._budget.cost(intent.event for intent in left)

    def _write_off(self) -> None:
        """Forget what the platform may have forgotten; it may have been charged, so it stays taken of the budget."""
        old = [it for it in self._pending.values() if self._now() - it.at > WINDOW_SECONDS]
        for intent in old:
            self._settled.add(self._pending.pop(intent.key).key)
            self._log.error("charge_written_off", event_name=intent.event, age_seconds=round(self._now() - intent.at))

    async def _clear(self) -> None:
        """Take settled charges out of the ledger, all that there are at once; while Redis is away they wait here."""
        with contextlib.suppress(Unavailable):
            while done := list(self._settled):
                await self._ledger.clear(done)
                self._settled.difference_update(done)

    async def _settle_often(self) -> None:
        while not self._closing.is_set():
            await self.settle()
            await wait_for_event(self._closing, SETTLE_SECONDS)


def _is_final(outcome: Outcome) -> bool:
    return outcome not in (Outcome.UNKNOWN, Outcome.UNSENT)
