"""Plain HTTP: middleware, routes and refusals, beside the protocols of MCP."""
