"""Answers of tools as files: all pages of an answer, its items as records, and the formats of records."""
