"""Calling tools in process, as the one local caller."""

from typing import Any

from reddit_mcp.mcp_server.server import RedditServer


async def asked(mcp: RedditServer, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A tool's structured content, an error's too."""
    content = getattr(await mcp.call_tool(tool, arguments), "structured_content", None)
    return content or {}
