"""Which columns of a Parquet file an archive takes, and their values as Reddit's JSON writes them.

Parquet files of Reddit differ by who made them: times are numbers, texts or timestamps, nested fields are structs or
JSON in a text, texts are sometimes plain bytes. What comes out is what a line of JSON with the same thing would say.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import types

from reddit_mcp.archive.sqlite.raw_fields import flag

TEXTS = frozenset(
    """
    author author_flair_text author_fullname body collapsed_reason crosspost_parent distinguished domain id
    link_flair_text link_id link_title name parent_id permalink post_hint removed_by removed_by_category selftext
    subreddit subreddit_id subreddit_name_prefixed subreddit_type suggested_sort thumbnail title url
    url_overridden_by_dest
    """.split()
)
TIMES = frozenset("created_utc edited retrieved_2nd_on retrieved_on retrieved_utc updated_on updated_utc".split())
FLAGS = frozenset(
    """
    archived collapsed contest_mode hide_score is_created_from_ads_ui is_gallery is_self is_submitter is_video locked
    over_18 pinned promoted quarantine score_hidden spoiler stickied
    """.split()
)
VALUES = frozenset(
    """
    _meta banned_by controversiality crosspost_parent_list depth downs gallery_data gilded link_flair_richtext media
    media_metadata num_comments num_crossposts poll_data preview score secure_media subreddit_subscribers ups
    upvote_ratio
    """.split()
)
"""Numbers and nested fields. The rest of what Reddit writes, nobody reads: awards, HTML, style sheets."""

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def taken(schema: Any) -> list[str]:
    """The names of the columns to read, in the order of the file.

    Raises:
        ValueError: they are not those of posts or comments; the message says what is missing.
    """
    names = list(dict.fromkeys(field.name for field in schema if _is_taken(field)))
    if not {"id", "name"} & set(names):
        raise ValueError("no column `id` with text or numbers")
    if not _has_comments(names) and not _has_posts(names):
        raise ValueError("no columns of posts (title, url, selftext) or of comments (body, link_id)")
    return names


def lines(batch: Any) -> Iterator[bytes]:
    """The rows of a batch as lines of JSON."""
    names = batch.schema.names
    columns = [_values(name, batch.column(at)) for at, name in enumerate(names)]
    mixed = _has_comments(names) and _has_posts(names)  # what is null tells which of both a row is
    for row in zip(*columns, strict=True):
        thing = dict(zip(names, row, strict=True))
        told = {name: value for name, value in thing.items() if value is not None} if mixed else thing
        yield orjson.dumps(told, default=_plain) + b"\n"


def _is_taken(field: Any) -> bool:
    """A text that is nested is no text; a column of any other type may be what its name says."""
    return field.name in TIMES | FLAGS | VALUES or (field.name in TEXTS and not types.is_nested(field.type))


def _has_comments(names: list[str]) -> bool:
    return "body" in names and bool({"link_id", "parent_id"} & set(names))


def _has_posts(names: list[str]) -> bool:
    return "title" in names and bool({"selftext", "url", "num_comments", "permalink", "domain"} & set(names))


def _values(name: str, column: Any) -> list[Any]:
    if types.is_timestamp(column.type):
        per_second = _PER_SECOND[column.type.unit]
        return [value if value is None else value // per_second for value in column.cast(pa.int64()).to_pylist()]
    values = _texts(column)
    if name in TEXTS:
        return values
    if name in FLAGS:
        return [None if value is None else flag(value) for value in values]
    if types.is_nested(column.type):
        return [_without_nulls(value) for value in values]
    read = _moment if name in TIMES else _json
    return [read(value) if isinstance(value, str) else value for value in values]


def _texts(column: Any) -> list[Any]:
    """The values; bytes are UTF-8, whatever is broken in them."""
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:
        values = column.cast(pa.large_binary()).to_pylist()
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]


def _json(value: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _moment(value: str) -> Any:
    """A time, or `edited` as true or false."""
    found = _json(value)
    if not isinstance(found, str):
        return found
    try:
        time = datetime.fromisoformat(found)
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def _without_nulls(value: Any) -> Any:
    """A struct has the fields of every row of its file: those that are null are not there. Pairs are those of a map."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        pairs = bool(value) and all(isinstance(item, tuple) for item in value)
        return _without_nulls({str(name): item for name, item in value}) if pairs else [*map(_without_nulls, value)]
    return value


def _plain(value: Any) -> Any:
    """What JSON has no form for."""
    form: Callable[[Any], Any] = float if isinstance(value, Decimal) else str
    return form(value)
