"""The layer that tries again where that may help, and never past the call's deadline.

Each category of trouble has its own patience. The wait grows by doubling, with jitter, so that callers who failed
together do not return together (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/);
a rate limit is waited out as long as Reddit says: here while that fits the call's deadline, else in the queue, where
callers hear of it. A back-off holds no thread: the layers below know nothing of it.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import stamina

from reddit_mcp.errors import DeadlineExceeded, Failure, RateLimited, UpstreamError
from reddit_mcp.models import Value
from reddit_mcp.observability import metrics
from reddit_mcp.setting_groups import RetrySettings
from reddit_mcp.upstream.reddit_api.response_errors import QueueTimeout
from reddit_mcp.upstream.single_flight.call_context import PATIENCE_SECONDS, current_flight, remaining
from reddit_mcp.upstream.source import Answer, Priority, Query, Source

T = TypeVar("T", bound=Value)

JITTER = 0.25


class RetryRules(RetrySettings):
    """The settings, and what they come to for a failure."""

    @property
    def most(self) -> int:
        """Attempts whatever goes wrong."""
        return max(self.attempts, self.timeout_attempts, self.rate_limit_attempts)

    def wait(self, error: Exception, attempt: int) -> float | None:
        """Seconds to wait after this attempt (counted from 1) failed so; None when another would not help."""
        match error:
            case UpstreamError(again=True):
                return _backoff(attempt, self.attempts, self.base, self.cap)
            case DeadlineExceeded():
                return _backoff(attempt, self.timeout_attempts, self.timeout_base, self.timeout_cap)
            case RateLimited() if _of_reddit(error) and attempt < self.rate_limit_attempts:
                return float(error.data["retry_after_seconds"])
        return None


def _backoff(attempt: int, attempts: int, base: float, cap: float) -> float | None:
    if attempt >= attempts:
        return None
    return float(min(cap, base * 2 ** (attempt - 1) * random.uniform(1 - JITTER, 1 + JITTER)))  # noqa: S311 - no secret


def _of_reddit(error: RateLimited) -> bool:
    """Whether Reddit itself refused, and said for how long: what the queue refuses is its last word."""
    data = error.data
    return (
        not isinstance(error, QueueTimeout)
        and data.get("limit_type") == "reddit_api"
        and "status" not in data
        and "retry_after_seconds" in data
    )


def _fitting(error: Exception, seconds: float | None) -> float | None:
    """The wait if it fits the call, 0 if the queue below does the waiting; None when there is no use in one.

    The queue holds whatever Reddit refused for as long as Reddit said, for work that goes on without its callers.
    """
    if seconds is None or seconds < remaining():
        return seconds
    flight = current_flight.get()
    goes_on = flight is not None and flight.priority < Priority.LOW and seconds < PATIENCE_SECONDS
    return 0.0 if goes_on and isinstance(error, RateLimited) else None


class Retry:
    """A Source that asks the one below again.

    Args:
        below: who is asked.
        rules: how often and when.
        hopeless: whether the breaker below is open, so that waiting would be in vain.
    """

    def __init__(self, below: Source, rules: RetryRules, hopeless: Callable[[], bool]) -> None:
        self._below = below
        self._rules = rules
        self._hopeless = hopeless

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask below until it answers or another attempt would not help; then its last failure goes up."""
        try:
            return await self._below.fetch(query)  # nearly always all; stamina costs more than the layers around it
        except Exception as error:  # noqa: BLE001 - it decides which
            return await self._again(query, error)

    async def _again(self, query: Query[T], first: Exception) -> Answer[T]:
        spent = number = 0

        def wait(error: Exception) -> bool | float:
            nonlocal spent
            spent += error.calls if isinstance(error, Failure) else 0
            seconds = _fitting(error, self._rules.wait(error, number))
            if seconds is not None and not self._hopeless():
                return seconds
            if number > 1:
                metrics.count(metrics.RETRIES, "exhausted")
            if isinstance(error, Failure):
                error.calls = spent  # what it took to learn that Reddit cannot answer
            return False

        async for attempt in stamina.retry_context(on=wait, attempts=self._rules.most, timeout=None):
            number = attempt.num
            with attempt:
                if number == 1:
                    raise first
                metrics.count(metrics.RETRIES, "made")
                answer = await self._below.fetch(query)
                metrics.count(metrics.RETRIES, "recovered")
                return replace(answer, calls=answer.calls + spent) if spent else answer
        raise AssertionError("stamina ends with an answer or an exception")
