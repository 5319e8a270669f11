"""Reading what is new and matching it against keywords."""
