"""What an archive lacks of a community: an honest count after filling it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_COUNT = """
    SELECT
        (SELECT count(*) FROM post WHERE community = :id),
        (SELECT count(*) FROM comment WHERE community = :id),
        (SELECT count(*) FROM comment c WHERE c.community = :id
            AND NOT EXISTS (SELECT 1 FROM post p WHERE p.id = c.post)),
        (SELECT total(max(p.comments - (SELECT count(*) FROM comment c WHERE c.post = p.id), 0))
            FROM post p WHERE p.community = :id)
"""


@dataclass(frozen=True, slots=True)
class Gaps:
    """Of a community: what is there; comments whose post is not; comments that its posts count and that are not."""

    posts: int = 0
    comments: int = 0
    orphans: int = 0
    missing: int = 0


def gaps(path: Path, community: str) -> Gaps:
    """Count them.

    Raises:
        sqlite3.Error: the archive cannot be read.
    """
    with closing(sqlite3.connect(path)) as db:
        row = db.execute("SELECT id FROM community WHERE name = ?", (community,)).fetchone()
        if row is None:
            return Gaps()
        return Gaps(*map(int, db.execute(_COUNT, {"id": row[0]}).fetchone()))
