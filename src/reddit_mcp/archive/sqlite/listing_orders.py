"""Posts in Reddit's orders: which index to walk, so that a million posts answer at once.

A time filter or a query leaves some posts of an order. When they are few they are fetched and sorted; when they are
many the order's index is walked from its top, and soon a thousand of them have come by.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from reddit_mcp.archive.archive_store import LONGEST, Order
from reddit_mcp.archive.sqlite.archive_reader import Reader
from reddit_mcp.archive.sqlite.search_query import Node, expression, in_title, matches, parse, unsure, within

Rank = tuple[float, int]
"""What an order sorts by, and the post's id; both descending."""

_COLUMNS: dict[str, str] = {
    "hot": "hot", "new": "created", "top": "score", "controversial": "controversy", "comments": "comments",
    "relevance": "score",
}  # fmt: skip
_FEW = 4_000  # of a listing: fetched here and there, and sorted, in about 15 ms
_FEW_FOUND = 10_000  # by a query; to walk an index instead costs more there, a look at every post's words
_RECENT = 30_000  # fetched one after the other, and sorted, in about as long
_LIMITS = "created >= ? AND created < ?"
_IN_TIME = f"SELECT 1 FROM post WHERE {_LIMITS}"  # noqa: S608 - a constant
_MATCHES = "SELECT rowid FROM post_words WHERE post_words MATCH ?"
_CHECKED = 1_500  # posts whose text is read to check a phrase, the best first
_BATCH = 100  # of them read at once
_RISING = 86_400  # seconds
_YOUNGEST = 1_800
_STICKY = 2  # a community has two sticky places


class Ranking:
    """Ids of posts in an order, 1,000 at most. `since` is a time in seconds; None is all time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def listing(self, communities: Sequence[int] | None, order: Order, since: int | None) -> list[int]:
        """Of some communities (row ids), or of all."""
        if communities is None:
            ranks = self._range(None, order, since, _FEW)
        else:
            few = _FEW // max(len(communities), 1)
            ranks = merge(*(self._range(each, order, since, few) for each in communities), reverse=True)
        ids = [number for _, number in islice(ranks, LONGEST)]
        sticky = self._sticky(communities) if order == "hot" else []
        return sticky + [number for number in ids if number not in sticky]

    def rising(self, communities: Sequence[int] | None, now: int) -> list[int]:
        """Votes for each second of age, of the last day's posts with more than one vote.

        Reddit divides by the times a link was shown (`r2/r2/lib/rising.py`), which no archive has; time stands in.
        """
        where, values = _within(communities)
        rows = self._reader.rows(
            f"SELECT score, created, id FROM post INDEXED BY post_created WHERE {where} created > ? AND score > 1 "  # noqa: S608
            f"ORDER BY created DESC LIMIT {_FEW_FOUND}",
            [*values, now - _RISING],
        )
        ranks = sorted(
            ((score / max(now - created, _YOUNGEST), number) for score, created, number in rows), reverse=True
        )
        return [number for _, number in ranks[:LONGEST]]

    def search(
        self, query: str, communities: Sequence[str] | None, order: Order, limits: tuple[int, int] | None
    ) -> list[int]:
        """What a query finds, in a range of time or (None) in all.

        Relevance: the words in the title before the words elsewhere, then the score.
        """
        asked = parse(query)
        if asked is None:
            return []
        node = asked if communities is None else within(asked, tuple(communities))
        best = self._found(in_title(node), order, limits) if order == "relevance" and in_title(node) != node else []
        rest = self._found(node, order, limits) if len(best) < LONGEST else []
        return list(dict.fromkeys(number for _, number in best + rest))[:LONGEST]

    def _range(self, community: int | None, order: Order, since: int | None, few: int) -> Iterator[Rank]:
        column, family = _COLUMNS[order], "post" if community is None else "community"
        where, values = _within(None if community is None else [community])
        index = f"{family}_{column}"
        if since is not None:
            where, values = f"{where} created >= ? AND", [*values, since]
            recent = f"SELECT 1 FROM post INDEXED BY {family}_created WHERE {where} 1"  # noqa: S608
            if self._few(recent, values, few):
                index = f"{family}_created"
        return self._ranked(f"post INDEXED BY {index} WHERE {where} 1", values, column)

    def _found(self, node: Node, order: Order, limits: tuple[int, int] | None) -> list[Rank]:
        words, column = expression(node)[0], _COLUMNS[order]
        source, values = f"post INDEXED BY post_{column} WHERE seq IN ({_MATCHES})", list[Any]([words])
        if self._few(_MATCHES, [words], _FEW_FOUND):
            source = "post_words CROSS JOIN post ON post.seq = post_words.rowid WHERE post_words MATCH ?"
        elif limits is not None and self._few(_IN_TIME, limits, _RECENT):
            source = f"post INDEXED BY post_created WHERE seq IN ({_MATCHES})"
        if limits is not None:
            source, values = f"{source} AND {_LIMITS}", [*values, *limits]
        check = unsure(node)
        if check is None:
            return list(self._ranked(source, values, column))
        return list(islice(self._checked(self._ranked(source, values, column, _CHECKED), check), LONGEST))

    def _few(self, sql: str, values: Sequence[Any], few: int) -> bool:
        count = self._reader.rows(f"SELECT count(*) FROM ({sql} LIMIT {few + 1})", values)[0][0]  # noqa: S608
        return bool(count <= few)

    def _ranked(self, source: str, values: Sequence[Any], column: str, most: int = LONGEST) -> Iterator[Rank]:
        """The first of an order, read one by one: who merges several communities needs few of each."""
        sql = f"SELECT {column}, id FROM {source} ORDER BY {column} DESC"  # noqa: S608
        with closing(self._reader.cursor(sql, values)) as rows:
            for key, level in groupby(islice(rows, most), itemgetter(0)):
                rank = float("-inf") if key is None else key
                yield from ((rank, number) for number in sorted((row[1] for row in level), reverse=True))

    def _checked(self, ranks: Iterator[Rank], check: Node) -> Iterator[Rank]:
        while batch := list(islice(ranks, _BATCH)):
            documents = self._reader.documents([number for _, number in batch])
            yield from (rank for rank, post in zip(batch, documents, strict=True) if matches(check, post))

    def _sticky(self, communities: Sequence[int] | None) -> list[int]:
        if communities is None or len(communities) != 1:
            return []
        rows = self._reader.rows(
            "SELECT id FROM post WHERE community = ? AND stickied ORDER BY created DESC, id DESC LIMIT ?",
            [communities[0], _STICKY],
        )
        return [number for (number,) in rows]


def _within(communities: Sequence[int] | None) -> tuple[str, list[int]]:
    if communities is None:
        return "", []
    if len(communities) == 1:
        return "community = ? AND", list(communities)
    return f"community IN ({', '.join('?' * len(communities))}) AND", list(communities)
