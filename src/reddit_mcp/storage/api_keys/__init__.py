"""API keys and the secrets that protect them."""
