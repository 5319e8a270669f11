"""Cached answers that replicas share."""
