"""What Reddit's HTTP API needs to know: the seam between the API and whatever keeps the things."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Thing = tuple[str, dict[str, Any]]
"""A kind (t1, t2, t3, t5) and Reddit's fields; text is as typed, not HTML-escaped."""

Order = Literal["hot", "new", "top", "rising", "controversial", "relevance", "comments"]
Period = Literal["hour", "day", "week", "month", "year", "all"]


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `since` (inclusive) to `until` (exclusive), in seconds since 1970; None is open."""

    since: int | None = None
    until: int | None = None

    @property
    def limits(self) -> tuple[int, int]:
        """Both as numbers that every time lies between."""
        return self.since or 0, 2**40 if self.until is None else self.until


LONGEST = 1_000
"""Reddit's listings end near 1,000 things."""


@dataclass(frozen=True, slots=True)
class Node:
    """A comment's place in its thread. `parent` is None below the post; replies have higher ids than their parents."""

    id: int
    parent: int | None
    created: int
    score: int
    downs: int
    controversial: bool
    stickied: bool
    by_submitter: bool


NO_COMMENT_INDEX = "no_comment_index"
"""The reason that the API gives for a search of comments that the archive cannot do."""


class NoCommentIndexError(LookupError):
    """The archive has no index over its comments, so nobody can search them."""


class Store(Protocol):
    """Things by their fullnames and names, and fullnames in Reddit's orders, 1,000 at most.

    Names are compared without case. Ties are broken by id, so that pages are stable. "Now" is the newest created_utc.
    Methods are called from several threads at once.
    """

    def span(self) -> tuple[int, int] | None:
        """The oldest and the newest created_utc; None while nothing with a time is kept."""
        ...

    def things(self, fullnames: Sequence[str]) -> list[Thing]:
        """Posts, comments, accounts and communities in the order asked for; unknown ones are left out."""
        ...

    def listing(self, communities: Sequence[str] | None, order: Order, period: Period) -> list[str]:
        """Fullnames of the posts of some communities, or (None) of all."""
        ...

    def search(
        self, query: str, communities: Sequence[str] | None, order: Order, when: Period | TimeRange
    ) -> list[str]:
        """Fullnames of the posts that a query in Reddit's syntax finds."""
        ...

    def search_comments(
        self, query: str, communities: Sequence[str] | None, order: Order, when: Period | TimeRange
    ) -> list[str]:
        """Fullnames of the comments that a query in Reddit's syntax finds; of very many the newest are ranked.

        Raises:
            NoCommentIndexError: the archive was imported without an index over comments.
        """
        ...

    def thread(self, post: str) -> list[Node]:
        """Every comment of a post, by its base-36 id."""
        ...

    def user(self, name: str) -> dict[str, Any] | None:
        """An account's fields; only its name, and its id if known, when just its posts are kept."""
        ...

    def history(self, name: str, kinds: Sequence[str], order: Order, period: Period) -> list[str]:
        """Fullnames of what an account wrote, of the kinds t1 and t3."""
        ...

    def community(self, name: str) -> dict[str, Any] | None:
        """A community's fields; only its names when just its posts are kept."""
        ...

    def communities(self, text: str) -> list[dict[str, Any]]:
        """Communities that have each word in name, title or description (none: all), most subscribers first."""
        ...

    def names(self, prefix: str) -> list[str]:
        """Communities' names that begin so, those with most subscribers first."""
        ...
