"""What has to be read for the watches that are due, so that one request serves as many as it can."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from reddit_mcp.models import Post, Watch
from reddit_mcp.storage.watches.poll_records import Due

LONGEST_NAMES = 1500
"""Characters of `a+b+c` in one path; well within what servers take."""

LONGEST_QUERY = 500
"""Characters; Reddit looks at 512."""

OVERLAP_SECONDS = 120
"""Posts appear a little after their time, and clocks differ: so much is read twice."""

_ENDS_PHRASE = re.compile('["\\\\\u201c\u201d]')
"""What Reddit's search would take for the end of a phrase, or for the escape of that end."""

CLOSED_SECONDS = 3600

_EVERYWHERE = frozenset({"all", "popular"})


@dataclass(frozen=True, slots=True)
class Reading:
    """One listing of some communities, or one search of all of Reddit, and the ids of the watches that need it.

    `since` is the moment from which on posts are needed; None = the newest page will do.
    """

    what: Literal["listing", "search"]
    names: tuple[str, ...]
    since: float | None
    watches: frozenset[str]
    query: str = ""


def readings(due: Sequence[Due], now: float) -> Iterator[Reading]:
    """The readings that these watches need, those that reach furthest back first.

    A watch on many communities may need several; one that has seen nothing yet shares none with those that go on, and
    a community that could not be read shares none with others, whose request would fail with it.
    """
    closed = {name for each in due for name in each.unreadable}
    going_on = sorted((each for each in due if each.seen_to is not None), key=lambda each: each.seen_to or 0)
    for group in (going_on, [each for each in due if each.seen_to is None]):
        named = _by((each for each in group if communities(each.watch)), lambda each: _asked_for(each, now))
        alone = [(name,) for name in named if name in closed]
        for names in batches(name for name in named if name not in closed) + alone:
            yield Reading("listing", names, *_needed(named, names))
        wanted = _by((each for each in group if not communities(each.watch)), lambda each: each.watch.keywords)
        for query, keywords in queries(wanted):
            yield Reading("search", keywords, *_needed(wanted, keywords), query)


def batches(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Communities to be read together, in the given order."""
    return _packed(names, LONGEST_NAMES, len("+"))


def queries(keywords: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Searches for keywords, as phrases joined with OR, and the keywords that each of them covers."""
    packed = _packed(filter(_phrase, keywords), LONGEST_QUERY, len(' OR ""'))
    return [(" OR ".join(f'"{_phrase(keyword)}"' for keyword in group), group) for group in packed]


def communities(watch: Watch) -> frozenset[str] | None:
    """The communities of a watch; None = all of Reddit, which r/all and r/popular stand for too."""
    names = frozenset(name.lower() for name in watch.subreddits)
    return None if not names or names & _EVERYWHERE else names


def is_for(due: Due, post: Post) -> bool:
    """Whether a watch has yet to see a post, or looks at it again."""
    names = communities(due.watch)
    if names is not None and post.subreddit.lower() not in names:
        return False
    if due.seen_to is None or post.created_utc is None:
        return True
    if post.created_utc >= _seen_to(due, due.seen_to, post.subreddit.lower()) - OVERLAP_SECONDS:
        return True
    return any(candidate.post_id == post.id for candidate in due.candidates.values())


def left_out(due: Due, now: float) -> frozenset[str]:
    """The communities that are not asked for: after an hour, one that cannot be read is tried once an hour."""
    hour = (due.watch.last_checked_utc or 0) // CLOSED_SECONDS
    if now // CLOSED_SECONDS != hour:
        return frozenset()
    return frozenset(name for name, since in due.unreadable.items() if now - since > CLOSED_SECONDS)


def _asked_for(due: Due, now: float) -> frozenset[str]:
    return (communities(due.watch) or frozenset()) - left_out(due, now)


def _seen_to(due: Due, seen_to: float, community: str) -> float:
    """The time up to which a watch has seen the posts of a community."""
    return min(seen_to, due.unreadable.get(community, seen_to))


def _phrase(keyword: str) -> str:
    """A keyword as it may stand in quotes, where operators are plain words; nothing of one that is only quotes."""
    return " ".join(_ENDS_PHRASE.sub(" ", keyword).split())


def _by(due: Iterable[Due], names: Callable[[Due], Iterable[str]]) -> dict[str, list[Due]]:
    """The watches by what they ask for; a watch's names in one order, so that equal watches make equal readings."""
    found: dict[str, list[Due]] = defaultdict(list)
    for each in due:
        for name in sorted(names(each)):
            found[name].append(each)
    return found


def _needed(by: dict[str, list[Due]], names: Iterable[str]) -> tuple[float | None, frozenset[str]]:
    due = [(name, each) for name in names for each in by[name]]
    seen = [_seen_to(each, each.seen_to, name) - OVERLAP_SECONDS for name, each in due if each.seen_to is not None]
    return min(seen, default=None), frozenset(each.watch.watch_id for _, each in due)


def _packed(words: Iterable[str], longest: int, joint: int) -> list[tuple[str, ...]]:
    groups: list[list[str]] = []
    room = 0
    for word in words:
        if not groups or len(word) + joint > room:
            groups.append([])
            room = longest
        groups[-1].append(word)
        room -= len(word) + joint
    return [tuple(group) for group in groups]
