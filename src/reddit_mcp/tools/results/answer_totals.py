"""What the answers that one result is drawn from come to together."""

from typing import Any, TypeVar

from reddit_mcp.models import Value
from reddit_mcp.upstream.source import Answer, SourceName

T = TypeVar("T", bound=Value)


class AnswerTotals:
    """The result is as old as its oldest part, and as good as its worst."""

    def __init__(self) -> None:
        self._answers: list[Answer[Any]] = []

    def take(self, answer: Answer[T]) -> T:
        """Book an answer and hand its value on."""
        self._answers.append(answer)
        return answer.value

    @property
    def answered(self) -> bool:
        """Whether anything of Reddit's is in the result."""
        return bool(self._answers)

    @property
    def calls(self) -> int:
        """Requests that Reddit received so far."""
        return sum(answer.calls for answer in self._answers)

    @property
    def span(self) -> tuple[int, int] | None:
        """Oldest and newest moment of the archives that answered; None when Reddit did."""
        spans = [answer.archive for answer in self._answers if answer.archive]
        return (min(oldest for oldest, _ in spans), max(newest for _, newest in spans)) if spans else None

    @property
    def cached(self) -> bool:
        """Whether every part came from a cache."""
        return bool(self._answers) and all(answer.cached for answer in self._answers)

    @property
    def stale(self) -> bool:
        """Whether a part was past its time."""
        return any(answer.stale for answer in self._answers)

    @property
    def age(self) -> float:
        """Seconds since the oldest part left Reddit."""
        return max((answer.age for answer in self._answers), default=0)

    @property
    def ttl(self) -> int:
        """Seconds for which the first part to end stays fresh."""
        return min((answer.ttl for answer in self._answers), default=0)

    @property
    def degraded(self) -> str | None:
        """What is wrong with the first part that something is wrong with."""
        return next((answer.degraded for answer in self._answers if answer.degraded), None)

    @property
    def limits(self) -> str | None:
        """What the sources of the parts cannot give, each thing once."""
        return " ".join(dict.fromkeys(answer.limits for answer in self._answers if answer.limits)) or None

    @property
    def source(self) -> SourceName | None:
        """Who gave the last part that tells."""
        return next((answer.source for answer in reversed(self._answers) if answer.source), None)
