"""The tools: one module each. A new file here is a new tool; what tools share stands in the folders."""

import importlib
import pkgutil

from reddit_mcp.tools.declaration.tool_spec import Services, ToolSpec

__all__ = ["Services", "ToolSpec", "specs"]


def specs() -> tuple[ToolSpec, ...]:
    """Every tool of this folder, in the order of the files' names."""
    public = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return tuple(getattr(importlib.import_module(f"{__name__}.{name}"), name) for name in public)
