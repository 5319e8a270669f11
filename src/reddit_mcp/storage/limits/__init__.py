"""Shared limits: callers' quotas, the upstream's request budget, the queue's places."""
