"""Write what the code itself knows into README.md (tools, settings), docs/operations.md (metrics) and .env.example."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from reddit_mcp.observability import metrics
from reddit_mcp.settings import Settings
from reddit_mcp.tools import Services, ToolSpec, specs

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
OPERATIONS = ROOT / "docs" / "operations.md"
ENV_EXAMPLE = ROOT / ".env.example"


def main() -> None:
    """Write every generated file."""
    for path, text in rendered().items():
        path.write_text(text, encoding="utf-8")


def rendered() -> dict[Path, str]:
    """What each generated file should hold."""
    readme = README.read_text(encoding="utf-8")
    for name, lines in (("tools", tool_table()), ("settings", settings_table())):
        readme = _with_section(readme, name, "\n".join(lines))
    operations = _with_section(OPERATIONS.read_text(encoding="utf-8"), "metrics", "\n".join(metrics_table()))
    return {README: readme, OPERATIONS: operations, ENV_EXAMPLE: "\n".join(env_example()) + "\n"}


def _with_section(text: str, name: str, content: str) -> str:
    start, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}{content}\n{end}{after}"


def tool_table() -> Iterator[str]:
    """Each tool with what it is for and its arguments; the required ones are bold, the others show their default."""
    yield "| tool | what it does | arguments |"
    yield "|---|---|---|"
    for spec in specs():
        yield f"| `{spec.name}` | {_cell(_purpose(spec))} | {_cell(_arguments(spec))} |"


def _purpose(spec: ToolSpec) -> str:
    """The first paragraph of what the model reads."""
    return " ".join((spec.handler.__doc__ or "").strip().split("\n\n")[0].split())


def _arguments(spec: ToolSpec) -> str:
    # Only calls need services.
    schema = spec.bind(cast("Services", None)).parameters
    required = schema.get("required", [])
    return ", ".join(
        f"**`{name}`**" if name in required else f"`{name}={json.dumps(argument['default'])}`"
        for name, argument in schema["properties"].items()
    )


def settings_table() -> Iterator[str]:
    """Each setting with its default and its meaning."""
    yield "| name | default | meaning |"
    yield "|---|---|---|"
    for name, field in Settings.variables().items():
        value = _default(field)
        shown = f"`{value}`" if value else "by platform" if field.default_factory else "unset"
        yield f"| `{name}` | {_cell(shown)} | {_cell(field.description or '')} |"


def metrics_table() -> Iterator[str]:
    """Each metric with its type, its labels and its meaning."""
    yield "| metric | type | labels | meaning |"
    yield "|---|---|---|---|"
    for name, kind, labels, meaning in metrics.catalogue():
        yield f"| `{name}` | {kind} | {', '.join(labels) or '-'} | {_cell(meaning)} |"


def env_example() -> Iterator[str]:
    """Each setting as a commented line that says its default."""
    yield "# Copy to .env and uncomment what you change; an empty value is an unset one. Written by `make docs`."
    for name, field in Settings.variables().items():
        yield f"\n# {field.description}\n#{name}={_default(field)}"


def _default(field: FieldInfo) -> str:
    """The default as an environment variable would spell it; nothing where it is unset, secret or the platform's."""
    value: Any = field.default
    if field.default_factory or value is None or isinstance(value, SecretStr):
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
