"""The text index over comments, which an archive may go without: writing it.

Comments are indexed under their own ids, which grow with time: so the newest that match are read first, and a range of
dates is a range of ids. Which ids a day has is kept day by day, because an archive's ids need not keep to that order.
"""

import sqlite3
from typing import Any

from reddit_mcp.archive.sqlite.index_document import comment_document
from reddit_mcp.archive.sqlite.row_codec import Codec

DAY = 86_400
_SCHEMA = """
    CREATE VIRTUAL TABLE comment_words USING fts5 (
        words, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
    );
    CREATE TABLE comment_day (day INTEGER PRIMARY KEY, lowest INTEGER NOT NULL, highest INTEGER NOT NULL);
"""
_EXISTS = "SELECT 1 FROM sqlite_schema WHERE name = 'comment_words'"
_PUT = "INSERT INTO comment_words (rowid, words) VALUES (?, ?)"
_DROP = "INSERT INTO comment_words (comment_words, rowid, words) VALUES ('delete', ?, ?)"
_PUT_DAY = """
    INSERT INTO comment_day VALUES (?, ?, ?) ON CONFLICT (day) DO UPDATE
    SET lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest)
"""


class CommentIndex:
    """The index of the archive on this connection; in an archive without one its methods do nothing.

    Args:
        wanted: whether the archive shall have one: it is made, over all comments, or taken away.
    """

    def __init__(self, db: sqlite3.Connection, codec: Codec, *, wanted: bool) -> None:
        self._db = db
        self._wanted = wanted
        self._days: dict[int, tuple[int, int]] = {}
        db.execute("BEGIN IMMEDIATE")
        try:
            if (db.execute(_EXISTS).fetchone() is not None) != wanted:
                (self._make if wanted else self._remove)(codec)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # a full disk has ended it already
                db.execute("ROLLBACK")
            raise

    def put(self, number: int, created: int | None, data: dict[str, Any]) -> None:
        """Index a comment that is not indexed."""
        if not self._wanted:
            return
        self._db.execute(_PUT, (number, comment_document(data)))
        if created is not None:
            lowest, highest = self._days.get(created // DAY, (number, number))
            self._days[created // DAY] = min(lowest, number), max(highest, number)

    def drop(self, number: int, data: dict[str, Any]) -> None:
        """Forget a comment that was indexed with these fields."""
        if self._wanted:
            self._db.execute(_DROP, (number, comment_document(data)))

    def flush(self) -> None:
        """Write the days of what was put, within the caller's transaction."""
        if self._days:
            self._db.executemany(_PUT_DAY, [(day, *ids) for day, ids in self._days.items()])
        self._days.clear()

    def forget(self) -> None:
        """Forget the days of what was put: its transaction is rolled back."""
        self._days.clear()

    def _make(self, codec: Codec) -> None:
        for statement in filter(str.strip, _SCHEMA.split(";")):
            self._db.execute(statement)
        for number, created, blob in self._db.execute("SELECT id, created, data FROM comment ORDER BY id"):
            self.put(number, created, codec.unpack(blob))
        self.flush()

    def _remove(self, _codec: Codec) -> None:
        self._db.execute("DROP TABLE comment_words")
        self._db.execute("DROP TABLE comment_day")
