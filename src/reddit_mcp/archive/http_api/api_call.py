"""A request to the API and what its parameters mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from reddit_mcp.archive.archive_store import Order, Period, Store, TimeRange
from reddit_mcp.archive.sqlite.raw_fields import whole

_EVERYWHERE = ("all", "popular")
_PAGE, _LARGEST_PAGE = 25, 100
_COMMUNITIES = 100  # named in one path


class NotFoundError(LookupError):
    """No such thing: Reddit's 404."""


class NoSuchCommunityError(LookupError):
    """No such community: Reddit sends the client to its search."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Call:
    """A request: the store, what stands in the path, and the parameters."""

    store: Store
    path: Mapping[str, str]
    given: Mapping[str, str]

    @property
    def raw(self) -> bool:
        """Whether text is wanted as typed instead of HTML-escaped."""
        return self.given.get("raw_json") == "1"

    def number(self, name: str, default: int, smallest: int, largest: int) -> int:
        """A parameter as a number within its limits."""
        value = whole(self.given.get(name))
        return default if value is None else min(max(value, smallest), largest)

    def flag(self, name: str) -> bool:
        """A parameter as a yes or no."""
        return self.given.get(name, "").lower() in ("1", "true", "on", "yes")

    def period(self, default: Period) -> Period:
        """The parameter `t`."""
        value = self.given.get("t", default)
        return cast("Period", value) if value in get_args(Period) else default

    def time_range(self) -> TimeRange | None:
        """The parameters `since` and `until`, if one of them is given."""
        since, until = (whole(self.given.get(name)) for name in ("since", "until"))
        return None if since is None and until is None else TimeRange(since, until)

    def order(self, default: Order, *others: Order) -> Order:
        """The parameter `sort`, if it is one of these."""
        value = self.given.get("sort")
        return next((each for each in (default, *others) if each == value), default)

    def communities(self) -> list[str] | None:
        """The communities that the path names and the store knows; None is all of them."""
        names = [name for name in self.path.get("subreddit", "all").split("+") if name][:_COMMUNITIES]
        if not names or any(name.lower() in _EVERYWHERE for name in names):
            return None
        known = [name for name in dict.fromkeys(names) if self.store.community(name) is not None]
        if not known and len(names) == 1:
            raise NoSuchCommunityError(names[0])
        if not known:
            raise NotFoundError
        return known

    def cut(self, keys: Sequence[str]) -> tuple[range, str | None, str | None]:
        """The page that limit, after and before ask for, and the cursors of its neighbours.

        An unknown cursor is ignored, and who does not say how many things came before gets no way back, as with Reddit.
        """
        limit = self.number("limit", _PAGE, 1, _LARGEST_PAGE)
        after, before = self.given.get("after") or None, self.given.get("before") or None
        start, end = 0, len(keys)
        if after in keys:
            start = keys.index(str(after)) + 1
        elif before in keys:
            end = keys.index(str(before))
            start = max(end - limit, 0)
        page = range(start, min(start + limit, end))
        following = keys[page[-1]] if page and page[-1] + 1 < len(keys) else None
        back = keys[start] if page and start and self.number("count", 0, 0, start) else None
        return page, following or None, back
