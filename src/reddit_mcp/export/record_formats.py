"""The formats of files, each written page by page: what was written before it is stopped is a valid file."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import orjson

from reddit_mcp.export.csv_columns import columns, flat
from reddit_mcp.export.markdown_records import heading, markdown

Json = dict[str, Any]


class RecordFormat(Protocol):
    """A file in the making."""

    def page(self, records: Sequence[Json]) -> str:
        """The next part of the file; with the first page comes what stands above the records."""
        ...


class JsonLines:
    """One object a line."""

    def page(self, records: Sequence[Json]) -> str:
        """A line for each record."""
        return "".join(f"{orjson.dumps(record).decode()}\n" for record in records)


class Csv:
    """A table as RFC 4180 has it, whose cells no spreadsheet takes for formulas.

    Args:
        types: of the records that may come.
        fields: the only ones that were asked for; empty for all.
    """

    def __init__(self, types: Sequence[str], fields: Sequence[str]) -> None:
        self._types = types
        self._fields = fields
        self._columns: list[str] = []

    def page(self, records: Sequence[Json]) -> str:
        """A row for each record, below the names of the columns."""
        rows, text = [dict(flat(record)) for record in records], io.StringIO()
        is_first = not self._columns
        self._columns = self._columns or columns(self._types, self._fields, rows)
        table = csv.DictWriter(text, self._columns)
        if is_first:
            table.writeheader()
        table.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        return text.getvalue()


FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _cell(value: Any) -> Any:
    """The value as a cell: numbers stay numbers, and a text that a spreadsheet would run gets an apostrophe before it.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


class Markdown:
    """A list that a person reads.

    Args:
        tool: the tool that was asked.
        arguments: what it was asked.
    """

    def __init__(self, tool: str, arguments: Json) -> None:
        self._heading = heading(tool, arguments)
        self._path: list[str] = []

    def page(self, records: Sequence[Json]) -> str:
        """An entry for each record, below a heading."""
        above, self._heading = self._heading, ""
        return above + "".join(markdown(record, self._level(record)) for record in records)

    def _level(self, record: Json) -> int:
        """How deep it stands below the records before it, which it answers."""
        parent = record.get("parent_id")
        self._path = self._path[: self._path.index(parent) + 1] if parent in self._path else []
        self._path.append(f"t1_{record.get('id')}")
        return len(self._path) - 1


FORMATS: dict[str, Callable[[str, Json, Sequence[str]], RecordFormat]] = {
    "csv": lambda _tool, arguments, types: Csv(types, arguments.get("fields") or ()),
    "jsonl": lambda _tool, _arguments, _types: JsonLines(),
    "md": lambda tool, arguments, _types: Markdown(tool, arguments),
}
"""A new file for a tool's answers to these arguments, whose records are of these types."""
