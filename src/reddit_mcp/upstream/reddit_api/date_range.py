"""A search within a range of dates, over an API that has none: its newest results, page by page, filtered.

Reddit's search takes only periods back from now. Ordered by time, a few pages hold all results down to a date, or at
least say how far down they reach.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reddit_mcp.errors import Failure
from reddit_mcp.models import Comment, Listing, Post
from reddit_mcp.upstream.reddit_api.identifiers import fullname
from reddit_mcp.upstream.source import Answer, Params, Query

MOST_REQUESTS = 3
PAGE = 100
NEWEST_FIRST = "Within a range of dates Reddit's search is read by time only: these are the newest, not by {sort}."
NOT_REACHED = (
    "Reddit's search has no range of dates: the {count} newest results read here reach back to {reached} only, so the "
    "range may hold more. Go on with `after`, or use more words."
)
_BY_TIME = ("new", "relevance")

Ask = Callable[[Query[Listing]], Awaitable[Answer[Listing]]]


def is_asked(params: Params) -> bool:
    """Whether these parameters of a search name a range."""
    return any(name in ("since", "until") for name, _ in params)


async def search(query: Query[Listing], ask: Ask) -> Answer[Listing]:
    """The newest results within the range, read with a few requests.

    Raises:
        Failure: as `ask`; its `calls` count all of them, its `partial` is the answer without the page that failed.
    """
    given = dict(query.params)
    until = int(given["until"]) if "until" in given else None
    walk = _Walk(int(given.get("since", 0)), until, int(given["limit"]), given.get("sort", "relevance"))
    after: str | None = given.get("after", "")
    last: Answer[Listing] | None = None
    for _ in range(MOST_REQUESTS):
        try:
            answer = await ask(replace(query, params=_by_time(given, after or "")))
        except Failure as failure:
            failure.calls += walk.calls
            failure.partial = walk.answer(last, after) if last else None
            raise
        walk.take(answer)
        last, after = answer, answer.value.after
        if walk.done or not after:
            return walk.answer(answer, None)
    return walk.answer(answer, after)


@dataclass(slots=True)
class _Walk:
    """What the pages gave so far."""

    since: int
    until: int | None
    limit: int
    sort: str
    calls: int = 0
    read: int = 0
    oldest: int | None = None
    found: list[Post | Comment] = field(default_factory=list)

    def take(self, answer: Answer[Listing]) -> None:
        self.calls += answer.calls
        times = [item.created_utc for item in answer.value.items if item.created_utc is not None]
        self.read += len(answer.value.items)
        self.oldest = min([*times, *([] if self.oldest is None else [self.oldest])], default=None)
        self.found += [item for item in answer.value.items if self._holds(item.created_utc)]

    def _holds(self, created: int | None) -> bool:
        return created is not None and created >= self.since and (self.until is None or created < self.until)

    @property
    def done(self) -> bool:
        """Whether there is one result more than asked for, or none can follow."""
        return len(self.found) > self.limit or (self.oldest is not None and self.oldest < self.since)

    def answer(self, last: Answer[Listing], after: str | None) -> Answer[Listing]:
        """The page; `after` is where the reading ended before its time."""
        items = tuple(self.found[: self.limit])
        cut = len(self.found) > self.limit
        said = [] if self.sort in _BY_TIME else [NEWEST_FIRST.format(sort=self.sort)]
        if after and not cut:
            said.append(NOT_REACHED.format(count=self.read, reached=_date(self.oldest)))
        page = Listing(items=items, after=fullname(items[-1]) if cut else after)
        return replace(last, value=page, calls=self.calls, limits=" ".join(said) or None)


def _by_time(given: dict[str, str], after: str) -> Params:
    asked = {name: value for name, value in given.items() if name not in ("since", "until", "after")}
    asked |= {"sort": "new", "t": "all", "limit": str(PAGE)} | ({"after": after} if after else {})
    return tuple(sorted(asked.items()))


def _date(moment: int | None) -> str:
    return "an unknown date" if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
