"""The layer around the transport that measures: how often a source is asked, how long it takes, what comes of it."""

import time
from contextlib import AbstractContextManager
from typing import TypeVar

from opentelemetry import trace

from reddit_mcp.errors import DeadlineExceeded, Failure
from reddit_mcp.models import Value
from reddit_mcp.observability import metrics
from reddit_mcp.upstream.source import Answer, Query, Source, SourceName

T = TypeVar("T", bound=Value)

_tracer = trace.get_tracer("reddit_mcp")


class MeasuredSource:
    """A Source whose requests are counted and timed, each question in an OpenTelemetry span; only its kind is told."""

    def __init__(self, below: Source, name: SourceName) -> None:
        self._below = below
        self._name = name

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask below."""
        started = time.perf_counter()
        with self._span(query) as span:
            try:
                answer = await self._below.fetch(query)
            except Failure as failure:
                span.set_status(trace.StatusCode.ERROR, failure.type)
                self._note(failure.type, failure.calls, started)
                if isinstance(failure, DeadlineExceeded):
                    metrics.count(metrics.TIMEOUTS, "source")
                raise
            self._note("ok", answer.calls, started)
            return answer

    def _span(self, query: Query[T]) -> AbstractContextManager[trace.Span]:
        """A span without the exception, whose message may name what was asked for."""
        return _tracer.start_as_current_span(
            f"ask {self._name}",
            kind=trace.SpanKind.CLIENT,
            attributes={"reddit_mcp.source": self._name, "reddit_mcp.kind": query.kind},
            record_exception=False,
            set_status_on_exception=False,
        )

    def _note(self, outcome: str, calls: int, started: float) -> None:
        metrics.count(metrics.UPSTREAM_REQUESTS, self._name, outcome, by=max(1, calls))
        metrics.observe(metrics.UPSTREAM_SECONDS, time.perf_counter() - started, self._name)
