"""What hosts make of arguments on their way, undone: empty texts, capitals, numbers and lists as text.

The published schemas stay strict; this is only how an answer is found for a question that is clear all the same.
"""

import json
import re
from typing import Any

from reddit_mcp.tools.declaration.argument_types import LONGEST

Json = dict[str, Any]
_ABSENT = object()


def tolerant(given: Any, properties: Json) -> Any:
    """The arguments as the schema has them, where it is clear what was meant; anything else is left as it is.

    Args:
        given: what the client sent.
        properties: the schema of each argument by its name.
    """
    if not isinstance(given, dict):
        return given
    meant = {name: _meant(name, value, properties.get(name)) for name, value in given.items()}
    return {name: value for name, value in meant.items() if value is not _ABSENT}


def _meant(name: str, value: Any, schema: Json | None) -> Any:
    if schema is None or (isinstance(value, str) and len(value) > LONGEST):
        return value
    if isinstance(value, str) and not value.strip() and schema.get("default") not in (None, ""):
        return _ABSENT
    if "enum" in schema:
        return _choice(value, schema["enum"])
    if "enum" in schema.get("items", {}):
        return _choices(value, schema["items"]["enum"])
    read = _BY_NAME.get(name) or _BY_TYPE.get(schema.get("type", ""))
    return read(value) if read else value


def _choice(value: Any, choices: list[Any]) -> Any:
    """One of the choices, whatever its case."""
    wanted = value.strip().casefold() if isinstance(value, str) else value
    return next((choice for choice in choices if choice == wanted), value)


def _entries(value: Any) -> Any:
    """A list that came as text: as JSON, or as its one entry."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        found = json.loads(text) if text.startswith("[") else [text]
    except (ValueError, RecursionError):
        return [text]
    return found if isinstance(found, list) else [text]


def _choices(value: Any, choices: list[Any]) -> Any:
    """Several of the choices, also as `a,b`, each whatever its case."""
    listed = _entries(value)
    if not isinstance(listed, list):
        return listed
    given = [part for each in listed for part in (each.split(",") if isinstance(each, str) else [each])]
    return [_choice(each, choices) for each in given if each != ""]


def _number(value: Any) -> Any:
    return value.strip().removesuffix(".0") if isinstance(value, str) else value


def _flag(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _communities(value: Any) -> Any:
    """Several communities as one text."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "+".join(value)
    return value


def _each_community(value: Any) -> Any:
    """A list of communities that came as `a,b` or `a+b`."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return [name.strip() for name in re.split("[+,]", value) if name.strip()]
    return _entries(value)


def _moment(value: Any) -> Any:
    """Seconds since 1970 that came as a number."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


_BY_NAME = {"subreddit": _communities, "subreddits": _each_community, "since": _moment, "until": _moment}
_BY_TYPE = {"array": _entries, "integer": _number, "boolean": _flag}
