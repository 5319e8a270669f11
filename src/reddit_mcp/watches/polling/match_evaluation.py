"""What one watch makes of the posts that were read: matches, and young posts that may yet become some."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reddit_mcp.analysis.sentiment import SentimentAnalyzer
from reddit_mcp.models import Match, Post, Watch
from reddit_mcp.storage.watches.poll_records import Candidate
from reddit_mcp.watches.polling.engagement import Baseline, reason

YOUNG_SECONDS = 86_400
"""How long a post may take to reach a watch's threshold."""

MOST_CANDIDATES = 100
"""Of one watch; the oldest make room."""

View = Callable[[Post], dict[str, Any]]
Measure = Callable[[str], Awaitable[Baseline | None]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, and what is looked at again."""

    found: list[Match] = field(default_factory=list)
    candidates: dict[str, Candidate] = field(default_factory=dict)


class MatchEvaluator:
    """Decides by a watch's threshold, during one poll.

    Args:
        sentiment: scores what is found.
        view: how a post is shown.
        measure: the baseline of a community; None where it cannot be had now.
    """

    def __init__(self, sentiment: SentimentAnalyzer, view: View, measure: Measure) -> None:
        self._sentiment = sentiment
        self._view = view
        self._measure = measure
        self._scores: dict[str, float] = {}

    async def judge(
        self, watch: Watch, hits: Iterable[tuple[Post, str]], known: Mapping[str, Candidate], now: float, checked: float
    ) -> Verdict:
        """Judge posts, each with the keyword that stands in it.

        Args:
            watch: whose keywords they are.
            hits: new posts, and candidates as they are now.
            known: the candidates so far.
            now: the time where the posts are; in an archive, its newest moment.
            checked: the time here.
        """
        verdict = Verdict(candidates=dict(known))
        for post, keyword in hits:
            await asyncio.sleep(0)  # others have work too
            why = await self._why(watch, post, keyword, now)
            if why:
                verdict.candidates.pop(origin(post), None)
                verdict.found.append(self._match(watch, post, keyword, why, checked))
            elif _is_young(post.created_utc, now):
                candidate = Candidate(
                    post_id=post.id,
                    keyword=keyword,
                    created_utc=post.created_utc or int(now),
                    next_utc=_look_again(watch, post, now),
                )
                verdict.candidates[origin(post)] = candidate
        return Verdict(verdict.found, _youngest(verdict.candidates, now))

    async def _why(self, watch: Watch, post: Post, keyword: str, now: float) -> str | None:
        if watch.alert_threshold == "any":
            return f'it mentions "{keyword}"'
        baseline = await self._measure(post.subreddit.lower())
        attention = reason(post, watch.alert_threshold, baseline, now) if baseline else None
        return f'it mentions "{keyword}" and {attention}' if attention else None

    def _match(self, watch: Watch, post: Post, keyword: str, why: str, checked: float) -> Match:
        return Match(
            match_id=f"{watch.watch_id}-{origin(post)}",
            watch_id=watch.watch_id,
            keyword=keyword,
            why=why,
            post=self._view(post),
            sentiment=self._score(post),
            matched_utc=int(checked),
        )

    def _score(self, post: Post) -> float:
        """A post's sentiment, measured once for all watches; 0 where its author says nothing."""
        if post.id not in self._scores:
            scored = self._sentiment.read([post])
            self._scores[post.id] = round(scored[0].score, 4) if scored else 0.0
        return self._scores[post.id]


def origin(post: Post) -> str:
    """The post itself, or the one that it shows: crossposts of one post are one."""
    return post.crosspost_parent or post.id


def to_look_at(known: Mapping[str, Candidate], read: Collection[str], now: float) -> list[str]:
    """The candidates whose time has come, as far as they were not read anyway."""
    return [each.post_id for each in known.values() if each.next_utc <= now and each.post_id not in read]


def _look_again(watch: Watch, post: Post, now: float) -> float:
    """At the next check at the earliest; the older a post is, the slower it changes."""
    return now + max(watch.check_interval * 60, (now - (post.created_utc or now)) / 4)


def _is_young(created: int | None, now: float) -> bool:
    return now - (created if created is not None else now) < YOUNG_SECONDS


def _youngest(candidates: Mapping[str, Candidate], now: float) -> dict[str, Candidate]:
    young = [(name, each) for name, each in candidates.items() if _is_young(each.created_utc, now)]
    return dict(sorted(young, key=lambda pair: -pair[1].created_utc)[:MOST_CANDIDATES])
