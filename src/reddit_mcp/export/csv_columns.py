"""The columns of a table of records: nested values by dotted names, and the same ones whatever an answer holds."""

import typing
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from pydantic import BaseModel

from reddit_mcp.models import Comment, Match, Post, Subreddit, User
from reddit_mcp.storage.watches.delivery_records import DeliveryState

Json = dict[str, Any]

MODELS: dict[str, type[BaseModel]] = {
    "user": User,
    "post": Post,
    "comment": Comment,
    "community": Subreddit,
    "match": Match,
}
OPEN: dict[str, dict[str, type[BaseModel]]] = {"match": {"post": Post, "delivery": DeliveryState}}
"""Objects in a record whose model its own does not name."""

NEVER_SHOWN = {"crosspost_parent", "is_suspended", "post.crosspost_parent", "delivery.began_utc", "delivery.truncated"}


def columns(types: Iterable[str], fields: Sequence[str], first: Iterable[Json]) -> list[str]:
    """Names of columns in their order.

    Args:
        types: of the records that later pages may bring.
        fields: the only ones that were asked for; empty for all.
        first: the records of the first page, flat.
    """
    found = dict.fromkeys(["type"])
    for kind in types:
        shown = (name for name in _of(kind) if name not in NEVER_SHOWN)
        found |= dict.fromkeys(name for name in shown if not fields or name.partition(".")[0] in fields)
    cut = dict.fromkeys(["truncated"] if len(found) > 1 else [])
    return list(found | cut | dict.fromkeys(name for record in first for name in record))


def flat(record: Json, before: str = "") -> Iterator[tuple[str, Any]]:
    """The record's cells by their columns: objects are taken apart, lists are JSON."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{before}{name}", orjson.dumps(value).decode()
        else:
            yield f"{before}{name}", value


def _of(kind: str) -> Iterator[str]:
    inner = OPEN.get(kind, {})
    yield from (name for name in _names(MODELS[kind]) if name not in inner)
    for name, model in inner.items():
        yield from (f"{name}.{each}" for each in (*_names(model), "truncated"))


def _names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        parts = (field.annotation, *typing.get_args(field.annotation))
        nested = next((part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)), None)
        if nested is None or typing.get_origin(field.annotation) is tuple:
            yield name
        else:
            yield from (f"{name}.{each}" for each in _names(nested))
