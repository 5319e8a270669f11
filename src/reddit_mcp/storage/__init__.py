"""The only package that speaks Redis."""

from reddit_mcp.storage.redis.connection import Store
from reddit_mcp.storage.redis.open_store import open_store

__all__ = ["Store", "open_store"]
