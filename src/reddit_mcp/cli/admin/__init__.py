"""Commands that operate on the shared store: keys, usage, cache, circuit breakers."""
