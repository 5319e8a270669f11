"""Comments that a query finds. Of very many matches the newest are ranked, so that ten million answer at once."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from reddit_mcp.archive.archive_store import LONGEST, NoCommentIndexError, Order
from reddit_mcp.archive.sqlite.archive_reader import Reader
from reddit_mcp.archive.sqlite.comment_index import DAY
from reddit_mcp.archive.sqlite.rank_formulas import hot
from reddit_mcp.archive.sqlite.search_query import Node, expression, matches, parse, unsure, within

MOST_RANKED = 5_000
_CHECKED = 1_500  # comments whose text is read to check a phrase, the best first
_BATCH = 100  # of them read at once
_MATCHES = """
    SELECT created, score, id FROM comment_words CROSS JOIN comment ON comment.id = comment_words.rowid
    WHERE comment_words MATCH ? AND comment_words.rowid BETWEEN ? AND ?
"""
_WITHIN = "AND created >= ? AND created < ?"
_NEWEST = " ORDER BY comment_words.rowid DESC LIMIT ?"
_DAYS = "SELECT day, lowest, highest FROM comment_day WHERE day BETWEEN ? AND ? ORDER BY day DESC"
_COUNT = """
    SELECT count(*) FROM (
        SELECT 1 FROM comment_words WHERE comment_words MATCH ? AND rowid BETWEEN ? AND ? LIMIT ?
    )
"""
_LARGEST = 2**63 - 1
_ALL_IDS = (0, _LARGEST)

Row = tuple[int | None, int | None, int]
"""A comment's time, its score and its id."""


def _by_score(row: Row) -> tuple[float, int]:
    return float("-inf") if row[1] is None else row[1], row[2]


_RANKS: dict[str, Callable[[Row], tuple[float, int]]] = {
    "new": lambda row: (row[0] or 0, row[2]),
    "hot": lambda row: (hot(row[1] or 0, row[0] or 0), row[2]),
}


class CommentSearch:
    """Ids of comments by words, communities and authors."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def search(
        self, query: str, communities: Sequence[str] | None, order: Order, limits: tuple[int, int] | None
    ) -> list[int]:
        """The first 1,000 in an order, of a range of time or (None) of all.

        Raises:
            NoCommentIndexError: the archive has no index over comments.
        """
        asked = parse(query)
        if asked is None:
            return []
        node = asked if communities is None else within(asked, tuple(communities))
        rows = sorted(self._rows(expression(node)[0], limits), key=_RANKS.get(order, _by_score), reverse=True)
        numbers, check = (row[2] for row in rows), unsure(node)
        found = numbers if check is None else self._checked(islice(numbers, _CHECKED), check)
        return list(islice(found, LONGEST))

    def _rows(self, words: str, limits: tuple[int, int] | None) -> list[Row]:
        """All matches where they are few, else the newest."""
        start, end = limits or _ALL_IDS
        try:
            days = self._reader.rows(_DAYS, [start // DAY, end // DAY])
        except sqlite3.OperationalError as error:
            raise NoCommentIndexError from error
        ids = _bounds(days) if limits else _ALL_IDS
        if self._reader.rows(_COUNT, [words, *ids, MOST_RANKED + 1])[0][0] > MOST_RANKED:
            return self._newest(words, days, (start, end))
        if limits:
            return self._reader.rows(_MATCHES + _WITHIN, [words, *ids, *limits])
        return self._reader.rows(_MATCHES, [words, *ids])

    def _newest(self, words: str, days: list[tuple[int, int, int]], limits: tuple[int, int]) -> list[Row]:
        """Read stretches of time, each at most twice as long as the one after it, until enough is found.

        One that holds too much is read day by day; of such a day those with the highest ids are taken.
        """
        found: list[Row] = []
        at, width = 0, 1
        while at < len(days) and len(found) < MOST_RANKED:
            stretch = days[at : at + width]
            times = max(stretch[-1][0] * DAY, limits[0]), min((stretch[0][0] + 1) * DAY, limits[1])
            values = [words, *_bounds(stretch), *times, MOST_RANKED]
            rows = self._reader.rows(_MATCHES + _WITHIN + _NEWEST, values)
            if len(rows) == MOST_RANKED and width > 1:
                width = 1
                continue
            found += rows
            at, share = at + width, (MOST_RANKED - len(found)) * width // max(len(rows), 1)
            width = max(min(share, width * 2), 1)
        return found

    def _checked(self, numbers: Iterator[int], check: Node) -> Iterator[int]:
        while batch := list(islice(numbers, _BATCH)):
            documents = self._reader.comment_documents(batch)
            yield from (number for number, each in zip(batch, documents, strict=True) if matches(check, each))


def _bounds(days: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
    """The lowest and the highest id of these days; a range that holds nothing where there are none."""
    return (min(day[1] for day in days), max(day[2] for day in days)) if days else (1, 0)
