"""Retry, circuit breaker, bulkhead."""
