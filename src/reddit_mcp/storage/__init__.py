"""The only rooms that speak Redis."""

from reddit_mcp.storage.connection import Store
from reddit_mcp.storage.open import open_store

__all__ = ["Store", "open_store"]
