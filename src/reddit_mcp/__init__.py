"""Reddit for AI assistants: eight read-only tools over the Model Context Protocol."""

from importlib.metadata import version

__version__ = version("mcp-for-reddit")
