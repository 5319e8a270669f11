"""The budget's rules outside Redis: a process's own share while Redis is away, and how long a place in line lasts."""

import time
from collections.abc import Callable, Mapping

from reddit_mcp.storage.limits.request_budget import CLASSES, Census, Verdict

UNSEEN_REPLICAS = 4
"""How many replicas a process assumes that has not yet seen Redis."""

FORGIVEN = 0.25
"""Seconds by which the paced classes may be late without losing their turn."""

STARVING = 10
"""Intervals after which a class that got nothing goes before all others."""

PACED = 2
"""The first of the paced classes."""


class LocalWindow:
    """The grants of this process, and its share of the budget where they are all it knows.

    It notes every grant, those that Redis gave too: so the share is never spent twice, and Redis can be told.

    Attributes:
        replicas: processes that share the budget, as last seen.
        blocked_until: clock time before which Reddit would refuse.
    """

    def __init__(self, limit: int, span: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.replicas = UNSEEN_REPLICAS
        self.blocked_until = 0.0
        self._limit = limit
        self._span = span
        self._clock = clock
        self._grants: dict[str, float] = {}
        self._tat = 0.0
        self._last = [0.0] * CLASSES

    def note(self, member: str, at: float) -> None:
        """Remember a grant, or that it is held from another time."""
        self._grants.pop(member, None)
        self._grants[member] = at

    def forget(self, member: str) -> None:
        """Take a grant back that was not used."""
        self._grants.pop(member, None)

    def ages(self) -> Mapping[str, float]:
        """Seconds since each grant that is still out."""
        now = self._clock()
        self._grants = {member: at for member, at in self._grants.items() if now - at < self._span}
        return {member: now - at for member, at in self._grants.items()}

    def take(self, census: Census) -> Verdict:
        """Decide as the script does, over this process's share; the caller notes the grant."""
        now, ages = self._clock(), self.ages()
        share = max(1, self._limit // self.replicas)
        interval, hold = self._span / share, max(0.0, self.blocked_until - now)
        spare, pace = share - len(ages), max(0.0, self._tat - now)
        free = min(0, spare) if hold else spare
        granted = self._first(census, interval, pace) if free > 0 and census.places > 0 else None
        if granted is not None:
            self._tat = max(self._tat, now - FORGIVEN) + interval
            self._last[granted] = now
            return Verdict(granted, free - 1, spare - 1, replicas=self.replicas)
        returns = tuple(sorted(self._span - age for age in ages.values()))
        soonest = returns[-spare] if spare <= 0 else pace if census.places else self._span
        return Verdict(None, free, spare, max(hold, soonest), self.replicas, interval, pace, hold, returns, self._span)

    def _first(self, census: Census, interval: float, pace: float) -> int | None:
        """The class that goes first, or None where all who wait are paced."""
        able = [c for c in range(CLASSES) if census.waiting[c] and (c < PACED or not pace)]
        starving = (c for c in able if self._idle(c, census) > STARVING * interval)
        return next(starving, able[0] if able else None)

    def _idle(self, priority: int, census: Census) -> float:
        return min(census.waited[priority], self._clock() - self._last[priority])


def position(priority: int, index: int, census: Census, others: tuple[Census, ...]) -> int:
    """A waiter's place in line over all replicas, 1 = next; `index` counts those of its class before it here.

    Replicas take turns within a class, so of each other one as many go before it as here.
    """
    better = sum(census.waiting[:priority])
    elsewhere = sum(sum(other.waiting[:priority]) + min(other.waiting[priority], index) for other in others)
    return better + index + elsewhere + 1


def estimate(place: int, verdict: Verdict, *, paced: bool) -> float:
    """Seconds until the waiter at this place gets a token, by what is out now and when it returns."""
    pace = verdict.pace + (place - 1) * verdict.interval if paced else 0.0
    if place <= verdict.free:
        return pace
    missing = place - verdict.spare
    if missing <= 0:
        return max(verdict.hold, pace)
    # Those before it take the spare tokens now, which therefore return one span from now.
    rounds, index = divmod(missing - 1, len(verdict.returns) + max(0, verdict.spare) or 1)
    soonest = verdict.returns[index] if index < len(verdict.returns) else verdict.span
    return max(verdict.hold, soonest + rounds * verdict.span, pace)
