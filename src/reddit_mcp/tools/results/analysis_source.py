"""Finished results as a Source, so that the cache keeps them as it keeps Reddit's answers."""

import time
from collections.abc import Callable
from typing import TypeVar, cast

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.errors import Failure
from reddit_mcp.models import Value
from reddit_mcp.tools.results import sentiment_analysis, trend_analysis
from reddit_mcp.tools.results.answer_parts import Parts
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.single_flight.call_context import deadline, remaining
from reddit_mcp.upstream.source import Answer, Query

T = TypeVar("T", bound=Value)

ANALYSIS_SHARE = 0.02
"""What is kept of a call's time for the analysis, should its parts come at the last moment: half a second of 25."""

FINDERS = {trend_analysis.TrendReport: trend_analysis.find, sentiment_analysis.SentimentReport: sentiment_analysis.find}


class AnalysisSource:
    """A Source of what `_trends` and `_mood` find in Reddit's answers.

    Args:
        reddit: who is asked for the parts.
        analyzer: reads the sentiment.
        clock: seconds since 1970.
    """

    def __init__(self, reddit: Reddit, analyzer: SentimentAnalyzer, clock: Callable[[], float] = time.time) -> None:
        self._reddit = reddit
        self._analyzer = analyzer
        self._clock = clock

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Fetch the parts and draw the result from them; a failure tells what all of them cost."""
        if until := deadline.get():
            deadline.set(until - ANALYSIS_SHARE * remaining())
        parts = Parts(self._reddit.at(query.priority), self._clock)
        try:
            found = await FINDERS[query.model](parts, self._analyzer, dict(query.params))
        except Failure as failure:
            failure.calls += parts.calls
            raise
        return parts.answer(cast("T", found), query.ttl)
