"""How a tool composes its result from upstream answers."""
