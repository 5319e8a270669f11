"""Carrying matches to receivers: signed webhooks and live notices."""
