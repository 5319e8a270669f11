"""The archive as a SQLite file with full-text search."""
