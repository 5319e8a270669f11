"""Reddit's answers that one finished result is drawn from."""

from collections.abc import Callable
from typing import TypeVar

from reddit_mcp.models import Value
from reddit_mcp.tools.results.answer_totals import AnswerTotals
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.source import Answer

T = TypeVar("T", bound=Value)


class Parts(AnswerTotals):
    """The account of one result.

    Attributes:
        reddit: who is asked for the parts.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, reddit: Reddit, clock: Callable[[], float]) -> None:
        super().__init__()
        self.reddit = reddit
        self._clock = clock

    @property
    def now(self) -> int:
        """The current time; in an archive, its newest moment."""
        return self.span[1] if self.span else int(self._clock())

    def answer(self, value: T, ttl: int) -> Answer[T]:
        """The result.

        It stays fresh for `ttl` seconds; drawn from parts that were older than that and still fresh, for as long as
        they do.
        """
        return Answer(
            value,
            calls=self.calls,
            age=self.age,
            cached=self.cached,
            stale=self.stale,
            ttl=ttl if self.age < ttl else self.ttl,
            archive=self.span,
            degraded=self.degraded,
            limits=self.limits,
        )
