"""A stretch of time, and Reddit's time filters as one."""

from dataclasses import dataclass

DAY = 86_400
PERIODS = {"hour": 3600, "day": DAY, "week": 7 * DAY, "month": 30 * DAY, "year": 365 * DAY}


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` (inclusive) to `until` (exclusive), in seconds since 1970; None is open."""

    since: int | None = None
    until: int | None = None

    def holds(self, created: int) -> bool:
        """Whether a time lies within."""
        return (self.since is None or created >= self.since) and (self.until is None or created < self.until)

    def params(self) -> dict[str, int | None]:
        """`after` and `before`, one second wide where it is not told whether the API counts the limit itself."""
        return {"after": self.since - 1 if self.since and self.since > 0 else None, "before": self.until}

    def narrower(self, now: int) -> list["Span"]:
        """Newer parts of it, each shorter than the one before."""
        until = now + 1 if self.until is None else min(self.until, now + 1)
        whole = until - (self.since or 0)
        widths = [width * DAY for width in (30, 7, 1) if width * DAY < whole] or [max(whole // 2, 1)]
        return [Span(until - width, self.until) for width in widths]


def period(name: str, now: int) -> Span:
    """One of Reddit's time filters; `all` and anything else is open."""
    seconds = PERIODS.get(name)
    return Span() if seconds is None else Span(since=now - seconds)
