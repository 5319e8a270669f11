"""Parquet files for the tests of dumps, and everything that an archive holds, to be compared."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reddit_mcp.archive.sqlite.row_codec import DICTIONARY, Codec
from tests.support.dump_import import Data

CREATED = 1_700_000_000


def parquet(path: Path, rows: list[Data], **types: Any) -> Path:
    """A file of these things, with the columns of them all; `types` are those of columns that are not left to Arrow."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: pa.array([row.get(name) for row in rows], types.get(name)) for name in names}
    pq.write_table(pa.table(columns), path)
    return path


def ndjson(path: Path, rows: Iterable[Data]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def posts(count: int = 3_000) -> list[Data]:
    """Posts with texts in several scripts, nulls, escaped and plain signs, galleries, edits and later looks."""
    return [_post(number) for number in range(count)]


def comments(count: int = 6_000) -> list[Data]:
    """Comments in threads on `posts`."""
    return [_comment(number) for number in range(count)]


def _post(number: int) -> Data:
    metadata = {f"m{number % 7}": {"status": "valid", "s": {"u": f"https://i.redd.it/{number}.jpg?a=1&b=2", "x": 640}}}
    return {
        "id": f"p{number:05}", "name": f"t3_p{number:05}", "title": f"Чай & tea <{number}> 茶",
        "author": f"user{number % 90}",
        "selftext": "" if number % 3 else f"word{number % 50} text\nwith lines", "subreddit": f"sub{number % 5}",
        "created_utc": CREATED + number, "score": None if number % 11 == 0 else number % 40 - 3, "num_comments": 2,
        "upvote_ratio": 0.75, "over_18": number % 2 == 0, "is_self": number % 3 == 0, "link_flair_text": None,
        "url": f"https://example.com/{number}?x=1&y=2", "edited": number % 4 == 0 and CREATED + number + 60,
        "gallery_data": {"items": [{"media_id": f"m{number % 7}", "id": number}]} if number % 5 == 0 else None,
        "media_metadata": metadata if number % 5 == 0 else None, "retrieved_on": CREATED + 9_000,
        "removed_by_category": "moderator" if number % 17 == 0 else None,
    }  # fmt: skip


def _comment(number: int) -> Data:
    parent = f"t1_c{number - 2:05}" if number % 4 >= 2 else f"t3_p{number // 4:05}"
    return {
        "id": f"c{number:05}", "body": f"Answer {number}: a &amp; b, 1 < 2", "author": f"user{number % 70}",
        "link_id": f"t3_p{number // 4:05}", "parent_id": parent, "subreddit": f"sub{number // 4 % 5}",
        "created_utc": CREATED + number, "score": number % 9, "controversiality": number % 2, "stickied": False,
        "distinguished": "moderator" if number % 50 == 0 else None, "edited": False,
    }  # fmt: skip


def content(db: Path) -> dict[str, list[Any]]:
    """Every row of every table, the words of the indexes too, with the things unpacked."""
    with closing(sqlite3.connect(db)) as reader:
        query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
        names = [name for (name,) in reader.execute(query) if "_words" not in name]
        found = {name: [*map(tuple, _rows(reader, name))] for name in names}
        reader.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, post_words, instance)")
        return found | {"words": reader.execute("SELECT term, doc FROM vocabulary ORDER BY 1, 2").fetchall()}


def _rows(reader: sqlite3.Connection, table: str) -> Iterator[Iterable[Any]]:
    codec, columns = Codec(DICTIONARY), reader.execute(f"SELECT * FROM {table} ORDER BY 1")
    names = [column[0] for column in columns.description]
    for row in columns:
        yield (
            codec.unpack(value) if name == "data" and value is not None else value
            for name, value in zip(names, row, strict=True)
        )
