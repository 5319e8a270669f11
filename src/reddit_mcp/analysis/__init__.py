"""Judgement on text: sentiment, themes and trends. Pure functions over models, without I/O and without a clock."""
