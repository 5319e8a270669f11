"""How a tool is declared: its signature, argument types, schemas and error results."""
