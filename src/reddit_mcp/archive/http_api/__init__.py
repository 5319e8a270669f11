"""Reddit's own HTTP API over an archive."""
