"""Writing an archive: things in, whole transactions out.

Several writers and any number of readers may work on one archive at once; readers see each finished `add`.
"""

import sqlite3
import time
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reddit_mcp.archive.sqlite.comment_index import CommentIndex
from reddit_mcp.archive.sqlite.index_document import document
from reddit_mcp.archive.sqlite.rank_formulas import controversy, hot, post_votes
from reddit_mcp.archive.sqlite.raw_fields import account, community, flag, identity, moment, text, whole
from reddit_mcp.archive.sqlite.row_codec import DICTIONARY, Codec

VERSION = 1
MARKS = ("[deleted]", "[removed]", "[ Removed by Reddit ]", "[deleted by user]")
_NAMES_REMEMBERED = 100_000
_LEEWAY = 86_400  # seconds that a clock may be ahead of ours
_FRESHER = "excluded.seen IS NULL OR {0}.seen IS NULL OR excluded.seen >= {0}.seen"
_PUT_POST = "INSERT OR REPLACE INTO post VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_COMMENT = "INSERT OR REPLACE INTO comment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_WORDS = "INSERT INTO post_words (rowid, words) VALUES (?, ?)"
_PUT_SPAN = """
    INSERT INTO span VALUES (0, :oldest, :newest)
    ON CONFLICT (id) DO UPDATE SET oldest = min(oldest, :oldest), newest = max(newest, :newest)
"""
_ENTER = """
    INSERT INTO {table} (name, fullname) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET fullname = ifnull(fullname, excluded.fullname) RETURNING id
"""
_PUT_MARK = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_DROP_WORDS = "INSERT INTO post_words (post_words, rowid, words) VALUES ('delete', ?, ?)"


def fullname(kind: str, data: dict[str, Any]) -> str:
    """What makes two lines the same thing: kind and id, or kind and folded name of an account or a community.

    Raises:
        ValueError: the thing has none and cannot be archived.
    """
    key: str | int | None = None
    if kind in ("t1", "t3"):
        key = _number(data)
    elif kind in ("t2", "t5"):
        key = _name(kind, data).lower()
    if key is None or key == "":
        raise ValueError(f"a thing of kind {kind[:20]!r} without an id or a name")
    return f"{kind}_{key}"


class Writer:
    """Adds things to the archive at `path`, which is created when absent.

    A thing from the future (a day after `now`, in seconds since 1970; None is the clock) is kept as one without a time:
    a damaged line would else be the newest of its archive, and so move what the archive calls "now".

    With `comment_index` the archive has an index over the words of its comments; without it, it has none any more.

    Raises:
        ValueError: the file is an archive of another version.
        sqlite3.Error: the file is no database, or the disk is full.
    """

    def __init__(self, path: Path, now: float | None = None, *, comment_index: bool = True) -> None:
        self._latest = (time.time() if now is None else now) + _LEEWAY
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
        try:
            self._codec = Codec(self._prepare(path))
            self._comments = CommentIndex(self._db, self._codec, wanted=comment_index)
        except BaseException:
            self._db.close()
            raise
        self._ids: dict[tuple[str, str], int] = {}
        self._span: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def mark(self, name: str) -> bytes | None:
        """What was last noted under a name."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()
        return bytes(row[0]) if row else None

    def add(self, things: Iterable[tuple[str, dict[str, Any]]], marks: Mapping[str, bytes] | None = None) -> int:
        """Add (kind, data) pairs in one transaction, and note marks with them: all or, on an error, nothing.

        Of two versions of a thing the later read one stays (`retrieved_utc` or `retrieved_on`), else the later added.
        Things that `fullname` refuses are passed over.

        Returns:
            How many things were new or replaced another version.
        """
        puts = {"t1": self._put_comment, "t2": self._put_account, "t3": self._put_post, "t5": self._put_community}
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._span = []
            stored = sum(puts[kind](data) for kind, data in things if kind in puts)
            self._put_span()
            self._comments.flush()
            self._db.executemany(_PUT_MARK, (marks or {}).items())
            self._db.execute("COMMIT")
        except BaseException:
            self._ids.clear()
            self._comments.forget()
            if self._db.in_transaction:  # a full disk has ended it already
                self._db.execute("ROLLBACK")
            raise
        return stored

    def _prepare(self, path: Path) -> bytes:
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -262144")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise ValueError(f"{path.name} is an archive of version {version}, this program writes version {VERSION}")
        if version == 0:
            schema = files("reddit_mcp.archive").joinpath("schema.sql").read_text("utf-8")
            self._db.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {VERSION}; COMMIT")
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('dictionary', ?)", (DICTIONARY,))
        row = self._db.execute("SELECT value FROM meta WHERE key = 'dictionary'").fetchone()
        return bytes(row[0])

    def _put_post(self, data: dict[str, Any]) -> bool:
        number, seen = _number(data), _seen(data)
        if number is None:
            return False
        old = self._db.execute("SELECT seq, seen, title, selftext, data FROM post WHERE id = ?", (number,)).fetchone()
        if old and self._stays(data, seen, {"title": old[2], "selftext": old[3]}, old[4], old[1]):
            return False
        if old:
            self._drop_words(*old)
        columns = (number, *self._post_columns(data), seen, *self._texts(data))
        done = self._db.execute(_PUT_POST, (old[0] if old else None, *columns))
        self._db.execute(_PUT_WORDS, (done.lastrowid, document(data)))
        return True

    def _post_columns(self, data: dict[str, Any]) -> tuple[int | float | None, ...]:
        score, created = whole(data.get("score")), self._created(data)
        return (
            self._community(data), self._account(data), created, score, whole(data.get("num_comments")),
            None if created is None else hot(score or 0, created), controversy(post_votes(data)),
            flag(data.get("stickied")),
        )  # fmt: skip

    def _texts(self, data: dict[str, Any]) -> tuple[str, str, bytes]:
        rest = {name: value for name, value in data.items() if name not in ("title", "selftext")}
        return text(data.get("title")), text(data.get("selftext")), self._codec.pack(rest)

    def _drop_words(self, seq: int, _seen: int | None, title: str, selftext: str, blob: bytes) -> None:
        old = self._codec.unpack(blob) | {"title": title, "selftext": selftext}
        self._db.execute(_DROP_WORDS, (seq, document(old)))

    def _put_comment(self, data: dict[str, Any]) -> bool:
        number, seen = _number(data), _seen(data)
        if number is None:
            return False
        row = self._db.execute("SELECT seen, data FROM comment WHERE id = ?", (number,)).fetchone()
        if row and self._stays(data, seen, {}, row[1], row[0]):
            return False
        if row:
            self._comments.drop(number, self._codec.unpack(row[1]))
        post, created = identity(data.get("link_id")), self._created(data)
        self._db.execute(_PUT_COMMENT, (
            number, post, _parent(data, number, post), self._community(data), self._account(data),
            created, whole(data.get("score")), max(whole(data.get("downs")) or 0, 0),
            flag(data.get("controversiality")), flag(data.get("stickied")), seen, self._codec.pack(data),
        ))  # fmt: skip
        self._comments.put(number, created, data)
        return True

    def _stays(
        self, new: dict[str, Any], seen: int | None, texts: dict[str, Any], blob: bytes, than: int | None
    ) -> bool:
        """Whether what is stored is the newer look; of two looks of unknown order a deletion is the newer one."""
        if seen is not None and than is not None:
            return seen < than or (seen == than and not _is_gone(new) and _is_gone(self._codec.unpack(blob) | texts))
        return not _is_gone(new) and _is_gone(self._codec.unpack(blob) | texts)

    def _put_account(self, data: dict[str, Any]) -> bool:
        name = _name("t2", data)
        return bool(name) and self._put_named("account", name, data, {"fullname": identity(data.get("id"))})

    def _put_community(self, data: dict[str, Any]) -> bool:
        name = _name("t5", data)
        return bool(name) and self._put_named("community", name, data, {
            "fullname": identity(data.get("id") or data.get("name")),
            "title": text(data.get("title")),
            "description": text(data.get("public_description")),
            "subscribers": whole(data.get("subscribers")),
        })  # fmt: skip

    def _put_named(self, table: str, name: str, data: dict[str, Any], columns: dict[str, Any]) -> bool:
        values = {"name": name, **columns, "seen": _seen(data), "data": self._codec.pack(data)}
        sets = ", ".join(f"{column} = excluded.{column}" for column in values)
        marks = ", ".join("?" * len(values))
        done = self._db.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks}) "  # noqa: S608 - names of our own
            f"ON CONFLICT (name) DO UPDATE SET {sets} WHERE {table}.data IS NULL OR {_FRESHER.format(table)}",
            tuple(values.values()),
        )
        return done.rowcount > 0

    def _created(self, data: dict[str, Any]) -> int | None:
        created = moment(data.get("created_utc"))
        if created is None or created > self._latest:
            return None
        self._span = [min([created, *self._span]), max([created, *self._span])]
        return created

    def _put_span(self) -> None:
        if self._span:
            self._db.execute(_PUT_SPAN, {"oldest": self._span[0], "newest": self._span[1]})

    def _community(self, data: dict[str, Any]) -> int | None:
        return self._row("community", community(data), identity(data.get("subreddit_id")))

    def _account(self, data: dict[str, Any]) -> int | None:
        return self._row("account", account(data), identity(data.get("author_fullname")))

    def _row(self, table: str, name: str | None, number: int | None) -> int | None:
        """The row id of a name, which gets a row of its own when it is new."""
        if name is None:
            return None
        key = (table, name.lower())
        if key not in self._ids:
            if len(self._ids) >= _NAMES_REMEMBERED:
                self._ids.clear()
            row = self._db.execute(_ENTER.format(table=table), (name, number)).fetchone()
            self._ids[key] = row[0]
        return self._ids[key]


def _number(data: dict[str, Any]) -> int | None:
    number = identity(data.get("id"))
    return identity(data.get("name")) if number is None else number


def _name(kind: str, data: dict[str, Any]) -> str:
    if kind == "t2":
        return account({"author": data.get("name")}) or ""
    return community({"subreddit": data.get("display_name"), "permalink": data.get("url")}) or ""


_LOOKS = ("retrieved_utc", "retrieved_on", "retrieved_2nd_on", "updated_utc", "updated_on")
"""When a thing was looked at, as the public dumps and archives write it."""


def _seen(data: dict[str, Any]) -> int | None:
    """When it was last looked at."""
    meta = data.get("_meta")
    places = (data, meta) if isinstance(meta, dict) else (data,)
    return max(filter(None, (moment(place.get(name)) for place in places for name in _LOOKS)), default=None)


def _is_gone(data: dict[str, Any]) -> bool:
    """Whether a post or comment was deleted or removed when it was looked at."""
    meta = data.get("_meta")
    told = isinstance(meta, dict) and (meta.get("removal_type") or meta.get("was_deleted_later"))
    words = text(data.get("body") or data.get("selftext"))
    return bool(told or data.get("removed_by_category") or words in MARKS or text(data.get("author")) == "[deleted]")


def _parent(data: dict[str, Any], number: int, post: int | None) -> int | None:
    """The parent comment. Replies come after their parents, so a later "parent" is damage, and could close a circle."""
    given = data.get("parent_id")
    if isinstance(given, str) and given.startswith("t3_"):
        return None
    parent = identity(given)
    return parent if parent is not None and parent != post and parent < number else None
