"""What replicas share of circuit breakers."""
