"""Reddit's answers that one result is drawn from."""

from collections.abc import Callable
from typing import Any, TypeVar

from reddit_mcp.models import Value
from reddit_mcp.reddit.client import Reddit
from reddit_mcp.reddit.source import Answer

T = TypeVar("T", bound=Value)


class Parts:
    """The account of one result.

    Attributes:
        reddit: who is asked for the parts.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, reddit: Reddit, clock: Callable[[], float]) -> None:
        self.reddit = reddit
        self._clock = clock
        self._answers: list[Answer[Any]] = []

    def take(self, answer: Answer[T]) -> T:
        """Book an answer and hand its value on."""
        self._answers.append(answer)
        return answer.value

    @property
    def calls(self) -> int:
        """Requests that Reddit received so far."""
        return sum(part.calls for part in self._answers)

    @property
    def span(self) -> tuple[int, int] | None:
        """Oldest and newest moment of the archives that answered."""
        spans = [part.archive for part in self._answers if part.archive]
        return (min(oldest for oldest, _ in spans), max(newest for _, newest in spans)) if spans else None

    @property
    def now(self) -> int:
        """The current time; in an archive, its newest moment."""
        return self.span[1] if self.span else int(self._clock())

    def answer(self, value: T, ttl: int) -> Answer[T]:
        """The result, as old as its oldest part and as good as its worst.

        It stays fresh for `ttl` seconds; drawn from parts that were older than that and still fresh, for as long as
        they do.
        """
        age = max(part.age for part in self._answers)
        return Answer(
            value,
            calls=self.calls,
            age=age,
            cached=all(part.cached for part in self._answers),
            stale=any(part.stale for part in self._answers),
            ttl=ttl if age < ttl else min(part.ttl for part in self._answers),
            archive=self.span,
            degraded=next((part.degraded for part in self._answers if part.degraded), None),
        )
