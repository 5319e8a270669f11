"""A circuit breaker's own judgement: no I/O, one process, the caller's clock.

The pattern is Nygard's ("Release It!", 2nd edition, chapter 5): closed lets all through and counts, open refuses all,
half-open lets a few probes through and closes or opens again by their outcome.
"""

import enum
from collections import deque
from collections.abc import Callable

from reddit_mcp.setting_groups import BreakerSettings
from reddit_mcp.storage.breakers.breaker_records import BreakerNotice
from reddit_mcp.storage.breakers.breaker_report import State

Clock = Callable[[], float]


class Outcome(enum.IntEnum):
    """What a request told of its upstream."""

    FAULT = -1
    NEUTRAL = 0
    SUCCESS = 1


BreakerRules = BreakerSettings
"""When it opens, how long it waits, and what closes it."""


class CircuitState:
    """One upstream's circuit as this process knows it.

    Attributes:
        epoch: the last change that all replicas agreed on; None = nothing heard yet.
        round: grows with every change here.
        unshared: it changed here, and the other replicas do not know.
        wait: seconds that a failed probe doubles.
    """

    def __init__(self, rules: BreakerRules, clock: Clock) -> None:
        self.rules = rules
        self.epoch: int | None = None
        self.round = 0
        self.unshared = False
        self.wait = 0.0
        self._clock = clock
        self._since = clock()
        self._retry_at: float | None = None
        self._successes = self._probes = self._streak = self._in_flight = 0
        self._recent: deque[bool] = deque(maxlen=rules.window)

    @property
    def state(self) -> State:
        """Whether requests pass (closed), are refused (open), or a few may probe (half_open)."""
        if self._retry_at is None:
            return "closed"
        return "open" if self._clock() < self._retry_at else "half_open"

    @property
    def left(self) -> float:
        """Seconds until probes may go out."""
        return 0.0 if self._retry_at is None else max(0.0, self._retry_at - self._clock())

    @property
    def age(self) -> float:
        """Seconds since the present state began."""
        since = self._retry_at if self._retry_at is not None and self.state == "half_open" else self._since
        return self._clock() - since

    @property
    def doubtful(self) -> bool:
        """Whether as many requests are out, after recent faults, as it takes to open.

        Another one has to wait for their outcome: else a pool of eight would send twelve to an upstream that is down.
        """
        return self._streak > 0 and self._retry_at is None and self._streak + self._in_flight >= self.rules.failures

    def enter(self) -> None:
        """A request goes out."""
        self._in_flight += 1

    def leave(self, outcome: Outcome, seconds: float) -> None:
        """An ordinary request is back; that may open the circuit."""
        self._in_flight -= 1
        if outcome is Outcome.NEUTRAL or self._retry_at is not None:
            return
        self._streak = self._streak + 1 if outcome is Outcome.FAULT else 0
        self._recent.append(outcome is Outcome.FAULT or seconds > self.rules.slow)
        if self._streak >= self.rules.failures or self._rate_reached():
            self._change(self.rules.wait, self.rules.wait)

    def claim(self) -> int | None:
        """Take a probe's place; the round it belongs to, or None when all are taken."""
        if self._probes + self._successes >= self.rules.probes:
            return None
        self._probes += 1
        return self.round

    def release(self, probe: int) -> None:
        """Give a probe's place back."""
        if probe == self.round:
            self._probes -= 1

    def judge(self, probe: int, outcome: Outcome, seconds: float) -> None:
        """Let a probe's outcome count here alone, for the other replicas cannot be reached."""
        if probe != self.round:
            return
        self._probes -= 1
        if outcome is Outcome.SUCCESS:
            self._successes += 1
            if self._successes >= self.rules.successes:
                self._change(None, 0.0)
        elif outcome is Outcome.FAULT:
            wait = min(self.wait * 2, self.rules.longest_wait)
            self._change(wait - seconds, wait)  # from the probe's start, as for all replicas

    def adopt(self, word: BreakerNotice) -> None:
        """Believe what all replicas agree on."""
        known, self.epoch = self.epoch, word.epoch
        is_open = self._retry_at is not None
        if word.open and (word.epoch != known or not is_open):
            self._become(self._clock() + word.retry_in, word.wait)
        elif not word.open and (is_open or known not in (None, word.epoch)):
            self._become(None, 0.0)
        self._successes = word.successes

    def _rate_reached(self) -> bool:
        recent, rules = self._recent, self.rules
        return len(recent) == rules.window and sum(recent) >= rules.rate * rules.window

    def _change(self, left: float | None, wait: float) -> None:
        """By our own judgement: the others do not know yet."""
        self._become(None if left is None else self._clock() + left, wait)
        self.unshared = True

    def _become(self, retry_at: float | None, wait: float) -> None:
        self._retry_at, self.wait, self._since = retry_at, wait, self._clock()
        self._successes = self._probes = self._streak = 0
        self._recent.clear()
        self.round += 1
        self.unshared = False
