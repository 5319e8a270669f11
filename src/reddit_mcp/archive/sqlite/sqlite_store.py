"""The store over an archive file. Rows that an import adds meanwhile are seen at once."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reddit_mcp.archive.archive_store import LONGEST, Node, Order, Period, Thing, TimeRange
from reddit_mcp.archive.sqlite.archive_reader import Reader, fullnames, like
from reddit_mcp.archive.sqlite.comment_search import CommentSearch
from reddit_mcp.archive.sqlite.listing_orders import Ranking
from reddit_mcp.archive.sqlite.rank_formulas import hot
from reddit_mcp.archive.sqlite.raw_fields import base36, identity, whole

_SECONDS = {"hour": 3_600, "day": 86_400, "week": 604_800, "month": 2_592_000, "year": 31_536_000}
_LATEST_OF_AUTHOR = 5_000  # ranked in Python when an order other than `new` is asked for
_DESCRIBING = ("name", "title", "description")
_MOST_WORDS = 20
_BIGGEST_FIRST = "ORDER BY fullname IS NULL, ifnull(subscribers, -1) DESC, id LIMIT ?"

_THREAD = """
    SELECT id, parent, ifnull(created, 0), ifnull(score, 0), downs, controversial, stickied,
        ifnull(author = (SELECT author FROM post WHERE id = :post), 0)
    FROM comment WHERE post = :post
"""
_FLAGS = 5  # the column of the first yes or no


class SqliteStore:
    """A `Store` over the archive at `path`; close it when nothing reads any more.

    Raises:
        ValueError: the file is no archive, or one of another version.
    """

    def __init__(self, path: Path) -> None:
        self._reader = Reader(path)
        self._ranking = Ranking(self._reader)
        self._comments = CommentSearch(self._reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._reader.close()

    def span(self) -> tuple[int, int] | None:
        """See `Store`."""
        rows = self._reader.rows("SELECT oldest, newest FROM span")
        return (rows[0][0], rows[0][1]) if rows else None

    def things(self, fullnames: Sequence[str]) -> list[Thing]:
        """See `Store`."""
        return self._reader.things(fullnames)

    def listing(self, communities: Sequence[str] | None, order: Order, period: Period) -> list[str]:
        """See `Store`."""
        places = None if communities is None else self._rows_of(communities)
        if order == "rising":
            return fullnames("t3", self._ranking.rising(places, self._now()))
        since = self._since(period) if order in ("top", "controversial") else None
        return fullnames("t3", self._ranking.listing(places, order, since))

    def search(
        self, query: str, communities: Sequence[str] | None, order: Order, when: Period | TimeRange
    ) -> list[str]:
        """See `Store`."""
        return fullnames("t3", self._ranking.search(query, communities, order, self._limits(when)))

    def search_comments(
        self, query: str, communities: Sequence[str] | None, order: Order, when: Period | TimeRange
    ) -> list[str]:
        """See `Store`."""
        return fullnames("t1", self._comments.search(query, communities, order, self._limits(when)))

    def thread(self, post: str) -> list[Node]:
        """See `Store`."""
        rows = self._reader.rows(_THREAD, {"post": identity(post)})
        return [Node(*row[:_FLAGS], *map(bool, row[_FLAGS:])) for row in rows]

    def user(self, name: str) -> dict[str, Any] | None:
        """See `Store`."""
        for found, number, blob in self._reader.rows("SELECT name, fullname, data FROM account WHERE name = ?", [name]):
            if blob is not None:
                return self._reader.unpack(blob) | {"name": found}
            return {"name": found} if number is None else {"name": found, "id": base36(number)}
        return None

    def history(self, name: str, kinds: Sequence[str], order: Order, period: Period) -> list[str]:
        """See `Store`."""
        ranks: list[tuple[float, int, str, int]] = []
        for kind in kinds:
            for number, created, score, dispute in self._written(name, kind, order, self._since(period)):
                ranks.append((_rank(order, created, score, dispute), created, kind, number))
        ranks.sort(reverse=True)
        return [fullnames(kind, [number])[0] for _, _, kind, number in ranks[:LONGEST]]

    def community(self, name: str) -> dict[str, Any] | None:
        """See `Store`."""
        found = self._communities("WHERE name = ? LIMIT 1", [name])
        return found[0] if found else None

    def communities(self, text: str) -> list[dict[str, Any]]:
        """See `Store`."""
        words = text.split()[:_MOST_WORDS]
        there = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in _DESCRIBING)
        where = " AND ".join([f"({there})"] * len(words)) or "true"
        patterns = [f"%{like(word)}%" for word in words for _ in _DESCRIBING]
        found = self._communities(f"WHERE {where} {_BIGGEST_FIRST}", [*patterns, LONGEST])
        return sorted(found, key=_subscribers, reverse=True)

    def names(self, prefix: str) -> list[str]:
        """See `Store`."""
        sql = f"SELECT name FROM community WHERE name LIKE ? ESCAPE '\\' {_BIGGEST_FIRST}"  # noqa: S608
        return [name for (name,) in self._reader.rows(sql, [f"{like(prefix)}%", LONGEST])]

    def _now(self) -> int:
        span = self.span()
        return span[1] if span else 0

    def _limits(self, when: Period | TimeRange) -> tuple[int, int] | None:
        if isinstance(when, TimeRange):
            return when.limits
        since = self._since(when)
        return None if since is None else TimeRange(since).limits

    def _since(self, period: Period) -> int | None:
        return None if period == "all" else self._now() - _SECONDS[period]

    def _rows_of(self, communities: Sequence[str]) -> list[int]:
        marks = ", ".join("?" * len(communities))
        sql = f"SELECT id FROM community WHERE name COLLATE NOCASE IN ({marks})"  # noqa: S608
        return [number for (number,) in self._reader.rows(sql, communities)]

    def _written(self, name: str, kind: str, order: Order, since: int | None) -> Iterable[tuple[int, int, int, float]]:
        table, dispute = ("post", "controversy") if kind == "t3" else ("comment", "controversial")
        return self._reader.rows(
            f"SELECT {table}.id, ifnull(created, 0), ifnull(score, 0), {dispute} FROM {table} "  # noqa: S608
            f"JOIN account ON account.id = author WHERE account.name = ? AND ifnull(created, 0) >= ? "
            "ORDER BY created DESC LIMIT ?",
            [name, since or 0, LONGEST if order == "new" else _LATEST_OF_AUTHOR],
        )

    def _communities(self, rest: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        rows = self._reader.rows(f"SELECT name, fullname, data, id FROM community {rest}", values)  # noqa: S608
        return [self._described(*row) for row in rows]

    def _described(self, name: str, number: int | None, blob: bytes | None, row: int) -> dict[str, Any]:
        if blob is not None:
            return self._reader.unpack(blob) | {"display_name": name}
        known = {"display_name": name} if number is None else {"display_name": name, "name": f"t5_{base36(number)}"}
        return known | self._told_by_posts(row)

    def _told_by_posts(self, community: int) -> dict[str, Any]:
        """What the newest post tells of a community that has no record of its own."""
        sql = "SELECT data FROM post WHERE community = ? ORDER BY created DESC LIMIT 1"
        found = [self._reader.unpack(blob) for (blob,) in self._reader.rows(sql, [community])]
        count = whole(found[0].get("subreddit_subscribers")) if found else None
        return {} if count is None else {"subscribers": count}


def _subscribers(community: dict[str, Any]) -> int:
    count = whole(community.get("subscribers"))
    return -1 if count is None else count


def _rank(order: Order, created: int, score: int, dispute: float) -> float:
    match order:
        case "hot":
            return hot(score, created)
        case "top":
            return score
        case "controversial":
            return dispute
    return created
