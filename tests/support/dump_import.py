"""What the tests of dumps share: things, lines, files, and what an import made of them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from reddit_mcp.archive.dump import Report, import_paths

Data = dict[str, Any]


def post(number: int = 1, **more: Any) -> Data:
    return {"id": f"p{number:05}", "title": f"Title {number}", "selftext": "Text", "subreddit": "tea", **more}


def comment(number: int = 1, **more: Any) -> Data:
    return {"id": f"c{number:05}", "body": f"Body {number}", "link_id": "t3_p00001", "subreddit": "tea", **more}


def line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def wrapped(kind: str, data: Data) -> Data:
    return {"kind": kind, "data": data}


def listing(*children: Data) -> Data:
    return wrapped("Listing", {"children": list(children), "after": None})


def run(db: Path, *paths: Path) -> Report:
    return import_paths(paths, db, lambda _: None)


def ids(db: Path, table: str) -> set[int]:
    with closing(sqlite3.connect(db)) as reader:
        return {row[0] for row in reader.execute(f"SELECT id FROM {table}")}


def titles(db: Path) -> dict[int, str]:
    with closing(sqlite3.connect(db)) as reader:
        return dict(reader.execute("SELECT id, title FROM post"))


def thread() -> list[Data]:
    inner = wrapped("t1", comment(3, replies=listing(wrapped("more", {"children": ["x"], "count": 1}))))
    outer = wrapped("t1", comment(2, replies=listing(inner)))
    return [listing(wrapped("t3", post())), listing(outer, wrapped("t1", comment(4, replies="")))]


def packed(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
