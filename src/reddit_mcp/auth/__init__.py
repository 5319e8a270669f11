"""Who is calling: API keys, and the tokens of an OAuth issuer."""
