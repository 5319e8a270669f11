"""Read-only connections to an archive and the rows as things again."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from reddit_mcp.archive.archive_store import Thing
from reddit_mcp.archive.sqlite.archive_writer import VERSION
from reddit_mcp.archive.sqlite.index_document import Document
from reddit_mcp.archive.sqlite.raw_fields import base36, identity, text
from reddit_mcp.archive.sqlite.row_codec import Codec

Rows = list[Any]
Values = Sequence[Any] | Mapping[str, Any]
_POST = "SELECT id, title, selftext, data FROM post WHERE id IN"
_OTHERS = {
    "t1": "SELECT id, data FROM comment WHERE id IN",
    "t2": "SELECT fullname, data FROM account WHERE fullname IN",
    "t5": "SELECT fullname, data FROM community WHERE fullname IN",
}


class Reader:
    """One connection for each thread that reads.

    Raises:
        ValueError: the file is no archive, or one of another version.
    """

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.resolve().as_uri()}?mode=ro"
        self._local = threading.local()
        self._lock = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        try:
            version = self.rows("PRAGMA user_version")[0][0]
            self._codec = Codec(self.rows("SELECT value FROM meta WHERE key = 'dictionary'")[0][0])
        except (sqlite3.Error, IndexError) as error:
            self.close()
            raise ValueError(f"{path.name} is no archive of this program") from error
        if version != VERSION:
            self.close()
            raise ValueError(f"{path.name} is an archive of version {version}, this program reads version {VERSION}")

    def close(self) -> None:
        """Close every thread's connection; nothing may be reading any more."""
        with self._lock:
            while self._opened:
                self._opened.pop().close()

    def cursor(self, sql: str, values: Values = ()) -> sqlite3.Cursor:
        """Run a query on this thread's connection."""
        return self._connection().execute(sql, values)

    def rows(self, sql: str, values: Values = ()) -> Rows:
        """All rows of a query."""
        return self.cursor(sql, values).fetchall()

    def unpack(self, blob: bytes) -> dict[str, Any]:
        """A thing's fields."""
        return self._codec.unpack(blob)

    def things(self, fullnames: Sequence[str]) -> list[Thing]:
        """See `Store.things`."""
        asked = [(name[:2], identity(name)) for name in fullnames if name[2:3] == "_"]
        kinds = groupby(sorted({(kind, number) for kind, number in asked if number is not None}), lambda each: each[0])
        found: dict[tuple[str, int | None], dict[str, Any]] = {}
        for kind, keys in kinds:
            found.update({(kind, number): data for number, data in self._load(kind, [key[1] for key in keys])})
        return [(key[0], found[key]) for key in dict.fromkeys(asked) if key in found]

    def documents(self, numbers: Sequence[int]) -> Iterator[Document]:
        """The posts of these ids, all of which exist, in this order, to be checked."""
        marks = ", ".join("?" * len(numbers))
        rows = self.rows(f"SELECT id, title, selftext FROM post WHERE id IN ({marks})", numbers)  # noqa: S608
        texts = {number: (title, selftext) for number, title, selftext in rows}
        for number in numbers:
            yield Document(*texts[number], partial(self._post, number))

    def comment_documents(self, numbers: Sequence[int]) -> Iterator[Document]:
        """The comments of these ids, all of which exist, in this order, to be checked."""
        found = dict(self._load("t1", list(numbers)))
        for number in numbers:
            yield Document("", text(found[number].get("body")), partial(found.__getitem__, number))

    def _post(self, number: int) -> dict[str, Any]:
        return next(data for _, data in self._load("t3", [number]))

    def _load(self, kind: str, numbers: list[int | None]) -> Iterable[tuple[int, dict[str, Any]]]:
        marks = ", ".join("?" * len(numbers))
        if kind == "t3":
            for number, title, selftext, blob in self.rows(f"{_POST} ({marks})", numbers):
                yield number, self.unpack(blob) | {"id": base36(number), "title": title, "selftext": selftext}
        elif kind in _OTHERS:
            for number, blob in self.rows(f"{_OTHERS[kind]} ({marks})", numbers):
                if blob is not None:
                    yield number, self.unpack(blob) | {"id": base36(number)}

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(self._uri, uri=True, timeout=10, check_same_thread=False, isolation_level=None)
            with self._lock:
                self._opened.append(connection)
            connection.execute("PRAGMA mmap_size = 2147418112")
            self._local.connection = connection
        opened: sqlite3.Connection = self._local.connection
        return opened


def fullnames(kind: str, numbers: Iterable[int]) -> list[str]:
    """Fullnames of ids."""
    return [f"{kind}_{base36(number)}" for number in numbers]


def like(asked: str) -> str:
    r"""A LIKE pattern for a text as it stands; the backslash is its escape."""
    return text(asked).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
