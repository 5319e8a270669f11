"""The arguments of an exported tool as they are typed: `name=value` words, or one JSON object."""

import difflib
from collections.abc import Sequence
from typing import Any

import orjson

from reddit_mcp.errors import InvalidInput
from reddit_mcp.tools import specs

Json = dict[str, Any]
READING = ("list", "matches")


def read_arguments(words: Sequence[str]) -> Json:
    """The arguments; texts stay texts, for the tools understand them.

    Raises:
        InvalidInput: a word is no `name=value`, or the JSON is no object.
    """
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        return _object(words[0])
    return dict(map(_pair, words))


def _object(text: str) -> Json:
    try:
        found: Json = orjson.loads(text)
    except ValueError as error:
        raise InvalidInput(f"The arguments are no valid JSON: {error}.") from error
    return found


def _pair(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise InvalidInput(f"{word[:50]!r} is no argument: write name=value, or all of them as one JSON object.")
    if name == "fields" and not value.startswith("["):
        return name, [each.strip() for each in value.split(",")]
    return name, value


def check_tool(tool: str, arguments: Json) -> None:
    """Only what reads is exported.

    Raises:
        InvalidInput: there is no such tool, or it would change something.
    """
    found = {spec.name: spec for spec in specs()}
    if tool not in found:
        near = difflib.get_close_matches(tool, found, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(found)}."
        raise InvalidInput(f"{tool[:50]!r} is no tool; {hint}")
    if not found[tool].read_only and arguments.get("action") not in READING:
        raise InvalidInput(f"An export only reads: the action of {tool} must be {' or '.join(READING)}.")
