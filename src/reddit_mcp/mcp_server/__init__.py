"""The MCP server on the official SDK, and its transports."""
