"""A circuit that all replicas agree on, and the account of what went through it.

What happened is told, and the others heard, at most once a second and beside the calls; a change and each probe at
once. While Redis is away the circuit goes by what it sees itself.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from uuid import uuid4

from reddit_mcp.errors import Failure, Unavailable
from reddit_mcp.event_wait import wait_for_event
from reddit_mcp.observability import metrics
from reddit_mcp.observability.logs import logger
from reddit_mcp.storage.breakers.breaker_records import MOST_ERRORS, BreakerNotice, BreakerRecords
from reddit_mcp.storage.breakers.breaker_report import Incident, Report, State, Tally, incident, report
from reddit_mcp.upstream.resilience.circuit_state import BreakerRules, CircuitState, Clock, Outcome

SHARE_SECONDS = 1.0
"""The least time between two exchanges with the other replicas."""

LEASE_SECONDS = 30.0
"""A probe's place is free again after this time if its replica died."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe's place in a round of the circuit here, and among all replicas (no name while Redis is away)."""

    round: int
    name: str = ""
    epoch: int = 0


class SharedCircuit:
    """A circuit and what it has in common with those of the other replicas.

    Attributes:
        circuit: what this process knows; decisions are made on it.
        news: set, and replaced, whenever something happened to the circuit.
    """

    def __init__(self, name: str, records: BreakerRecords, rules: BreakerRules, clock: Clock) -> None:
        self.circuit = CircuitState(rules, clock)
        self.news = asyncio.Event()
        self._name = name
        self._records = records
        self._tally, self._told = Tally(), Tally()
        self._errors: deque[Incident] = deque(maxlen=MOST_ERRORS)
        self._untold: deque[Incident] = deque(maxlen=MOST_ERRORS)
        self._urgent = asyncio.Event()
        self._exchanging = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._log = logger(__name__)
        self._logged: tuple[State, float] = ("closed", 0.0)
        metrics.breaker_is(name, "closed")

    @property
    def is_at_rest(self) -> bool:
        """Whether it is not waiting while open, and has nothing left to tell."""
        return self._task is None or self._task.done()

    async def claim(self) -> Probe | None:
        """Take a probe's place, here and then among all replicas; None when there is none, or no need of one."""
        if (turn := self.circuit.claim()) is None:
            return None
        probe = None
        try:
            probe = await self._place(turn)
        finally:
            if probe is None:
                self.circuit.release(turn)
        return probe

    async def verdict(self, probe: Probe, outcome: Outcome, seconds: float) -> None:
        """Report a probe that took `seconds`."""
        rules = self.circuit.rules
        if probe.name:
            with contextlib.suppress(Unavailable):
                await self._hear(
                    self._records.verdict(
                        self._name, probe.name, probe.epoch, outcome, rules.successes, rules.longest_wait, seconds
                    )
                )
                self.circuit.release(probe.round)
                return
        before = self.circuit.round
        self.circuit.judge(probe.round, outcome, seconds)
        self.changed(before)

    def note(self, outcome: Outcome, seconds: float, error: BaseException | None) -> None:
        """Keep account of a request; one that tells nothing of the upstream is left out."""
        if outcome is Outcome.NEUTRAL:
            return
        self._tally.milliseconds += seconds * 1000
        self._tally.slow += seconds > self.circuit.rules.slow
        if outcome is Outcome.SUCCESS:
            self._tally.answered += 1
        elif isinstance(error, Failure):
            self._tally.failed += 1
            self._errors.append(seen := incident(error.type, str(error)))
            self._untold.append(seen)

    def changed(self, before: int) -> None:
        """Make known that the circuit may have left the round `before`; an own change hastens to the others."""
        self.news.set()
        self.news = asyncio.Event()
        circuit = self.circuit
        if circuit.round != before and circuit.unshared:
            self._urgent.set()
        if (circuit.state, circuit.wait) != self._logged:
            self._logged = (circuit.state, circuit.wait)
            metrics.breaker_changed(self._name, circuit.state)
            self._log.warning("breaker_changed", breaker=self._name, state=circuit.state, wait_seconds=circuit.wait)

    def tell_soon(self) -> None:
        """See to it that the others hear of this within a second."""
        if not self._closing and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._tell())

    async def exchange(self) -> None:
        """Tell the other replicas what happened here, and hear what they agree on.

        Raises:
            Unavailable: Redis is away; what happened is kept.
        """
        async with self._exchanging:
            await self._share()
            untold, counted = tuple(self._untold), replace(self._tally)
            await self._hear(self._records.exchange(self._name, counted - self._told, untold))
            self._told = counted
            for _ in untold:
                self._untold.popleft()

    async def report(self) -> Report:
        """The circuit as all replicas know it; as this one does while Redis is away."""
        try:
            await self.exchange()
            return await self._records.report(self._name)
        except Unavailable:
            errors = tuple(reversed(self._errors))
            return report(self._name, self.circuit.state, self.circuit.age, self._tally, errors)

    async def reset(self) -> None:
        """Close the circuit of every replica and forget the counts.

        Raises:
            Unavailable: Redis is away, so that nobody else would hear of it.
        """
        await self.exchange()
        await self._hear(self._records.reset(self._name))
        self._tally, self._told = Tally(), Tally()

    async def aclose(self) -> None:
        """Tell the last second's counts and stop."""
        self._closing = True
        self._urgent.set()
        if self._task:
            await self._task
        if self._busy():
            await self._try_to_exchange()

    async def _place(self, turn: int) -> Probe | None:
        try:
            await self._share()
            name = uuid4().hex
            word = await self._hear(self._records.claim(self._name, name, LEASE_SECONDS, self.circuit.rules.probes))
        except Unavailable:
            return Probe(turn)  # this replica decides alone
        return Probe(turn, name, word.epoch) if word.granted else None

    async def _share(self) -> None:
        """Tell of a change that the others have not heard of."""
        circuit, name = self.circuit, self._name
        if not circuit.unshared:
            return
        before = circuit.round
        if circuit.state == "closed":
            await self._hear(self._records.close(name, circuit.epoch or 0))
        else:
            await self._hear(self._records.trip(name, circuit.wait, circuit.left))
        if circuit.round == before:
            circuit.unshared = False

    async def _hear(self, word: Awaitable[BreakerNotice]) -> BreakerNotice:
        """Believe the word of all replicas, unless something happened here while it was on its way."""
        before = self.circuit.round
        heard = await word
        if self.circuit.round == before:
            self.circuit.adopt(heard)
            self.changed(before)
            if self.circuit.state == "open":
                self.tell_soon()  # however this was heard: a reset must be heard too
        return heard

    async def _tell(self) -> None:
        """Exchange once a second while there is something to tell, or while it is open, and then once more.

        Once more, because another replica may have opened at the same moment, just after our message.
        """
        again = True
        while not self._closing and (self._busy() or again):
            again = self._busy()
            self._urgent.clear()
            await self._try_to_exchange()
            await wait_for_event(self._urgent, SHARE_SECONDS)

    def _busy(self) -> bool:
        told = self._tally == self._told and not self._untold
        return not told or self.circuit.unshared or self.circuit.state == "open"

    async def _try_to_exchange(self) -> None:
        with contextlib.suppress(Unavailable):
            await self.exchange()
