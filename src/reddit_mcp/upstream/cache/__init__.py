"""The cache: in this process, then in Redis."""
