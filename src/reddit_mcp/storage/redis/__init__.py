"""Connection to Redis or Valkey, the embedded server, keys, scripts and notices."""
