"""What an operator reads of a circuit breaker."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from reddit_mcp.models import Value

State = Literal["closed", "open", "half_open"]


class Incident(Value):
    """An upstream fault; `time` is ISO 8601 (UTC), the message carries no secret."""

    time: str
    type: str
    message: str


class Statistics(Value):
    """Shares of all answered and failed requests since the last reset, and their mean duration in seconds."""

    total_requests: int = 0
    success_rate: float | None = None
    error_rate: float | None = None
    avg_duration: float | None = None
    slow_request_rate: float | None = None


class Report(Value):
    """A breaker as its operator sees it. Counts are since the last reset, times in seconds, the latest error first."""

    name: str
    state: State
    failure_count: int
    success_count: int
    last_failure: str | None
    time_in_current_state: float
    recent_errors: tuple[Incident, ...]
    statistics: Statistics
    successful_requests: int
    slow_requests: int
    state_change_time: str
    last_failure_time: str | None


@dataclass(slots=True)
class Tally:
    """Requests through a breaker; one that was refused, or that says nothing of the upstream, is not counted."""

    answered: int = 0
    failed: int = 0
    slow: int = 0
    milliseconds: float = 0.0

    def __sub__(self, other: Self) -> "Tally":
        return Tally(
            self.answered - other.answered,
            self.failed - other.failed,
            self.slow - other.slow,
            self.milliseconds - other.milliseconds,
        )

    def statistics(self) -> Statistics:
        """The shares; none where nothing was counted."""
        total = self.answered + self.failed
        if total <= 0:
            return Statistics()
        return Statistics(
            total_requests=total,
            success_rate=round(self.answered / total, 4),
            error_rate=round(self.failed / total, 4),
            avg_duration=round(self.milliseconds / total / 1000, 4),
            slow_request_rate=round(self.slow / total, 4),
        )


def report(name: str, state: State, seconds: float, tally: Tally, errors: tuple[Incident, ...]) -> Report:
    """Put a report together; `seconds` is how long the state has lasted."""
    return Report(
        name=name,
        state=state,
        failure_count=tally.failed,
        success_count=tally.answered,
        last_failure=errors[0].time if errors else None,
        time_in_current_state=round(seconds, 1),
        recent_errors=errors,
        statistics=tally.statistics(),
        successful_requests=tally.answered,
        slow_requests=tally.slow,
        state_change_time=_iso(datetime.now(UTC) - timedelta(seconds=seconds)),
        last_failure_time=errors[0].time if errors else None,
    )


def incident(error: str, message: str) -> Incident:
    """A fault that happens now."""
    return Incident(time=_iso(datetime.now(UTC)), type=error, message=message)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
