"""Logs: what happened, without what was said."""
