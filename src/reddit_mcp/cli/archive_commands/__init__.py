"""Commands that fill and serve an archive."""
