"""The forms in which a visitor tries the tools: as the tools' own input schemas say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

EXAMPLES = {"query": "sourdough", "subreddit": "python", "content_type": "subreddit", "content_id": "python"}
"""What a form begins with where a value is required."""

SHORT = 5
"""Items asked for, at first: enough to see what an answer is."""


@dataclass(frozen=True, slots=True)
class Field:
    """One argument.

    Attributes:
        name: on the wire.
        description: what it means.
        kind: `select`, `number`, `checkbox` or `text`.
        required: whether the tool needs it.
        value: what the form begins with.
        choices: of a `select`.
        least: of a `number`.
        most: of a `number`.
        longest: characters of a `text`.
    """

    name: str
    description: str
    kind: str
    required: bool
    value: str
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    longest: int | None = None


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as a page shows it; only one that reads can be tried."""

    name: str
    title: str
    summary: str
    read_only: bool
    fields: tuple[Field, ...]

    @property
    def usual(self) -> tuple[Field, ...]:
        """The arguments that are shown at once."""
        return tuple(field for field in self.fields if field.required or field.name in ("subreddit", "limit"))

    @property
    def further(self) -> tuple[Field, ...]:
        """All others."""
        return tuple(field for field in self.fields if field not in self.usual)


def listed(name: str, title: str, description: str, schema: Mapping[str, Any], *, read_only: bool) -> ListedTool:
    """A tool by its declaration."""
    required: Iterable[str] = schema.get("required", ())
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    fields = tuple(_field(name, part, required=name in required) for name, part in properties.items())
    return ListedTool(name, title, description.partition("\n")[0], read_only, fields)


def _field(name: str, schema: Mapping[str, Any], *, required: bool) -> Field:
    default = EXAMPLES.get(name, "") if required else schema.get("default", "")
    return Field(
        name,
        schema.get("description", ""),
        _kind(schema),
        required,
        value=str(min(default, SHORT) if name == "limit" else default),
        choices=tuple(schema.get("enum", ())),
        least=schema.get("minimum"),
        most=schema.get("maximum"),
        longest=schema.get("maxLength"),
    )


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "select"
    return {"integer": "number", "boolean": "checkbox"}.get(schema.get("type", ""), "text")
